// SPDX-License-Identifier: Apache-2.0
// Several threads look for answers and remember them while Redis is killed, hung and restarted.
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/concurrency/named_thread.h"
#include "tests/integration/cache/redis/tier_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using testing::WaitUntil;

constexpr int kThreads = 4;
constexpr int kAnswers = 200;
constexpr int kMostAtOnce = 500;

class RedisTierUnderFire : public TierFixture {
 protected:
  struct Counts {
    std::atomic<int> asked = 0;
    std::atomic<int> told = 0;
    std::atomic<int> told_twice = 0;
    std::atomic<int> hits = 0;
    std::atomic<int> wrong = 0;
    std::atomic<int> failed = 0;
  };

  void Load(RedisTier& tier, unsigned seed, const std::stop_token& stop) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> number_of(0, kAnswers - 1);
    while (!stop.stop_requested()) {
      if (counts_.asked - counts_.told > kMostAtOnce) {
        WaitUntil([&] { return counts_.asked - counts_.told < kMostAtOnce / 2; });
      }
      const int number = number_of(random);
      ++counts_.asked;
      random() % 2 == 0 ? LookFor(tier, number) : Remember(tier, number);
    }
  }

  // Always the same, though the clock moves.
  AnswerPtr RightAnswer(int number) const {
    auto answer = std::make_shared<StoredAnswer>(*AnswerFor(number));
    answer->set_expires_us(expires_us_);
    return answer;
  }

  // Counts a call as told, and whether it was before.
  auto OnTold() {
    return [this, told = std::make_shared<std::atomic<bool>>(false)] {
      if (told->exchange(true)) ++counts_.told_twice;
      ++counts_.told;
    };
  }

  void LookFor(RedisTier& tier, int number) {
    tier.Get(KeyFor(number),
             [this, number, on_told = OnTold()](const absl::StatusOr<AnswerPtr>& found) {
               if (found.ok()) {
                 ++counts_.hits;
                 if ((*found)->SerializeAsString() != RightAnswer(number)->SerializeAsString()) {
                   ++counts_.wrong;
                 }
               } else if (!absl::IsNotFound(found.status())) {
                 ++counts_.failed;
               }
               on_told();
             });
  }
  void Remember(RedisTier& tier, int number) {
    tier.Put(RightAnswer(number), [this, on_told = OnTold()](const absl::Status& status) {
      if (!status.ok()) ++counts_.failed;
      on_told();
    });
  }

  bool WaitUntilMoreHits() {
    const int before = counts_.hits;
    return WaitUntil([&] { return counts_.hits > before + 1000; });
  }
  bool WaitUntilMoreFail() {
    const int before = counts_.failed;
    return WaitUntil([&] { return counts_.failed > before + 100; });
  }

  const std::int64_t expires_us_ = ToMicros(clock_.SystemNow() + 1h);
  Counts counts_;
};

TEST_F(RedisTierUnderFire, AnswersEachCallOnceAndRightlyAndHitsComeBack) {
  {
    const auto tier = OpenAndWait(200ms);
    std::vector<concurrency::NamedThread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back(absl::StrCat("load-", t),
                           [this, &tier, t](const std::stop_token& stop) { Load(*tier, t, stop); });
    }
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(WaitUntilMoreHits());
      redis_.Kill();
      EXPECT_TRUE(WaitUntilMoreFail());
      redis_.Start();
      EXPECT_TRUE(WaitUntilMoreHits());
      redis_.Hang();
      EXPECT_TRUE(WaitUntilMoreFail());
      redis_.Resume();
      clock_.Advance(5s);  // no pause is longer
    }
    EXPECT_TRUE(WaitUntilMoreHits());
    // While calls are under way: the tier ends with them.
    for (concurrency::NamedThread& thread : threads) thread.RequestStop();
    threads.clear();
  }

  EXPECT_EQ(counts_.asked, counts_.told);
  EXPECT_EQ(counts_.told_twice, 0);
  EXPECT_EQ(counts_.wrong, 0);
  EXPECT_GT(counts_.failed, 0);
}

}  // namespace
}  // namespace chasqui::cache
