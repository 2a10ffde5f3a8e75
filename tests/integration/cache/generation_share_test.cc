// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_share.h"

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "services/cache/cache_config.h"
#include "tests/support/cache/answers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

// A replica of the cache service, of which only the generations matter.
class Replica {
 public:
  Replica(const std::string& address, std::uint64_t first)
      : generations_(
            1000,
            [next = std::make_shared<std::atomic<std::uint64_t>>(first)] { return (*next)++; }),
        share_(
            Config(address), generations_, [](const Generations::Change&) {}, time::RealClock(),
            observability::Logger()) {}

  // How many replicas have applied it, and whether some may not have.
  std::pair<std::uint32_t, bool> Invalidate(const std::string& tag) {
    std::pair<std::uint32_t, bool> reach;
    absl::Notification done;
    share_.Share(generations_.Invalidate(std::vector{TagName(tag)}),
                 [&](std::uint32_t replicas, bool pending) {
                   reach = {replicas, pending};
                   done.Notify();
                 });
    done.WaitForNotification();
    return reach;
  }

  // Begun now.
  StoredAnswer Begin(const std::string& tag) const {
    StoredAnswer answer = *testing::MakeAnswer(1);
    answer.add_tags(tag);
    answer.set_stamp(generations_.StampOf(answer));
    return answer;
  }
  bool IsValid(const StoredAnswer& answer) const { return generations_.IsValid(answer); }
  bool InStep() const {
    return share_.UnheardFor(time::RealClock().SteadyNow()) == time::Duration::zero();
  }

 private:
  static config::v1::RedisTierConfig Config(const std::string& address) {
    config::v1::RedisTierConfig config = DefaultConfig().redis();
    config.mutable_server()->set_address(address);
    return config;
  }

  Generations generations_;
  GenerationShare share_;
};

class GenerationShareTest : public ::testing::Test {
 protected:
  void Start(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      replicas_.push_back(std::make_unique<Replica>(redis_.address(), 1 + (i << 40)));
    }
    ASSERT_TRUE(AllInStep());
  }
  bool AllInStep() {
    return testing::WaitUntil(
        [&] { return std::ranges::all_of(replicas_, [](const auto& r) { return r->InStep(); }); });
  }

  testing::RedisServer redis_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(GenerationShareTest, AnInvalidationHoldsEverywhereWhenItReturns) {
  Start(3);
  for (int i = 0; i < 100; ++i) {
    const Replica& begins = *replicas_[static_cast<std::size_t>(i) % 3];
    const StoredAnswer answer = begins.Begin("t");
    ASSERT_TRUE(begins.IsValid(answer));

    const auto [applied, pending] = replicas_[static_cast<std::size_t>(i + 1) % 3]->Invalidate("t");

    ASSERT_EQ(applied, 3);
    ASSERT_FALSE(pending);
    for (const auto& replica : replicas_) ASSERT_FALSE(replica->IsValid(answer));
    // Answers of one are answers of all.
    const StoredAnswer next = begins.Begin("t");
    for (const auto& replica : replicas_) ASSERT_TRUE(replica->IsValid(next));
  }
}

TEST_F(GenerationShareTest, OneThatComesLaterLearnsWhatWasInvalidated) {
  Start(1);
  const StoredAnswer before = replicas_[0]->Begin("t");
  replicas_[0]->Invalidate("t");
  const StoredAnswer after = replicas_[0]->Begin("t");

  Start(1);

  EXPECT_FALSE(replicas_[1]->IsValid(before));
  EXPECT_TRUE(replicas_[1]->IsValid(after));
}

TEST_F(GenerationShareTest, TellsThatOthersMayNotKnowWhileRedisIsAway) {
  Start(2);
  const StoredAnswer answer = replicas_[0]->Begin("t");
  redis_.Kill();
  ASSERT_TRUE(
      testing::WaitUntil([&] { return !replicas_[0]->InStep() && !replicas_[1]->InStep(); }));

  EXPECT_EQ(replicas_[0]->Invalidate("t"), std::pair(1U, true));
  EXPECT_FALSE(replicas_[0]->IsValid(answer));
  EXPECT_TRUE(replicas_[1]->IsValid(answer)) << "it cannot know";

  redis_.Start();
  ASSERT_TRUE(AllInStep());
  EXPECT_TRUE(testing::WaitUntil([&] { return !replicas_[1]->IsValid(answer); }));
}

TEST_F(GenerationShareTest, AHungRedisIsPendingInTime) {
  Start(2);
  redis_.Hang();

  EXPECT_TRUE(replicas_[0]->Invalidate("t").second);

  redis_.Resume();
  EXPECT_TRUE(AllInStep());
}

TEST_F(GenerationShareTest, ConvergesWhenRedisLosesItsDataAgainAndAgain) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Start(3);
  // Answers that were begun before an invalidation of their tag returned, with who did that.
  std::vector<std::pair<StoredAnswer, std::size_t>> stale;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 30; ++i) {
      const std::size_t begins = random() % 3;
      const std::size_t invalidates = random() % 3;
      const std::string tag(1, static_cast<char>('a' + random() % 3));
      StoredAnswer answer = replicas_[begins]->Begin(tag);
      replicas_[invalidates]->Invalidate(tag);
      stale.emplace_back(std::move(answer), invalidates);
      if (i == 10) redis_.Kill();
      if (i == 20) redis_.Start();
      for (const auto& [old, by] : stale) ASSERT_FALSE(replicas_[by]->IsValid(old));
    }
    ASSERT_TRUE(AllInStep());
    EXPECT_TRUE(testing::WaitUntil([&] {
      return std::ranges::all_of(stale, [&](const auto& old) {
        return std::ranges::none_of(
            replicas_, [&](const auto& replica) { return replica->IsValid(old.first); });
      });
    })) << "round "
        << round;
    for (const char* tag : {"a", "b", "c"}) {
      EXPECT_TRUE(testing::WaitUntil([&] {
        const StoredAnswer answer = replicas_[0]->Begin(tag);
        return replicas_[1]->IsValid(answer) && replicas_[2]->IsValid(answer);
      }));
    }
  }
}

}  // namespace
}  // namespace chasqui::cache
