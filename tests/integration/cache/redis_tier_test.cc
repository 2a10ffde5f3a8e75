// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/redis_tier.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/synchronization/notification.h"
#include "common/concurrency/named_thread.h"
#include "services/cache/cache_config.h"
#include "tests/support/cache/answers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;

class RedisTierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config::v1::RedisTierConfig config = DefaultConfig().redis();
    config.mutable_server()->set_address(redis_.address());
    config.mutable_server()->set_password("secret");
    config.mutable_server()->mutable_timeout()->set_nanos(200'000'000);
    tier_ = std::make_unique<RedisTier>(config, PackingOptions(), 1 << 20, time::RealClock(),
                                        observability::Logger());
    ASSERT_TRUE(testing::WaitUntil([&] { return tier_->available(); }));
  }

  absl::StatusOr<AnswerPtr> Get(std::uint64_t number) {
    absl::StatusOr<AnswerPtr> answer;
    absl::Notification found;
    tier_->Get(testing::KeyNumber(number), [&](absl::StatusOr<AnswerPtr> result) {
      answer = std::move(result);
      found.Notify();
    });
    found.WaitForNotification();
    return answer;
  }

  absl::Status Put(AnswerPtr answer) {
    absl::Status status;
    absl::Notification done;
    tier_->Put(std::move(answer), [&](absl::Status result) {
      status = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return status;
  }

  static AnswerPtr Answer(std::uint64_t number, time::Duration ttl = 1h) {
    return testing::MakeAnswer(number,
                               {.bytes = 500, .expires = time::RealClock().SystemNow() + ttl});
  }

  testing::RedisServer redis_{"secret"};
  std::unique_ptr<RedisTier> tier_;
};

TEST_F(RedisTierTest, GivesBackWhatItAcknowledged) {
  const AnswerPtr answer = Answer(1);
  ASSERT_THAT(Put(answer), IsOk());

  const absl::StatusOr<AnswerPtr> found = Get(1);

  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->SerializeAsString(), answer->SerializeAsString());
  EXPECT_THAT(Get(2), StatusIs(absl::StatusCode::kNotFound));
  tier_->Remove(testing::KeyNumber(1));
  EXPECT_TRUE(testing::WaitUntil([&] { return absl::IsNotFound(Get(1).status()); }));
}

TEST_F(RedisTierTest, WhatHasExpiredIsNotThere) {
  ASSERT_THAT(Put(Answer(1, 50ms)), IsOk());
  EXPECT_TRUE(testing::WaitUntil([&] { return absl::IsNotFound(Get(1).status()); }));
  EXPECT_FALSE(Put(Answer(2, -1s)).ok());
}

TEST_F(RedisTierTest, AHungServerIsAMissInTimeAndIsLeftAlone) {
  ASSERT_THAT(Put(Answer(1)), IsOk());
  redis_.Hang();

  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(tier_->available());
  const time::SteadyTime begun = time::SteadyNow();
  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_LT(time::SteadyNow() - begun, 150ms) << "nobody waits for it any more";

  redis_.Resume();
  EXPECT_TRUE(testing::WaitUntil([&] { return Get(1).ok(); }));
}

TEST_F(RedisTierTest, KilledAndRestartedUnderLoadItAnswersEachOnceAndNeverWrong) {
  constexpr std::uint64_t kNumbers = 200;
  std::atomic<bool> stop = false;
  std::atomic<int> asked = 0;
  std::atomic<int> answered = 0;
  std::atomic<int> wrong = 0;
  std::atomic<int> hits = 0;
  std::vector<concurrency::NamedThread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back("client", [&, t](const std::stop_token&) {
      for (std::uint64_t i = 0; !stop; ++i) {
        const std::uint64_t number = (i * 31 + t * 7) % kNumbers;
        asked += 2;
        // Many at once, as requests are; each waits for the one before, so that it is bounded.
        absl::Notification put;
        tier_->Put(Answer(number), [&](const absl::Status&) {
          ++answered;
          put.Notify();
        });
        put.WaitForNotification();
        absl::Notification got;
        tier_->Get(testing::KeyNumber(number), [&](const absl::StatusOr<AnswerPtr>& answer) {
          ++answered;
          if (answer.ok()) {
            ++hits;
            wrong += (*answer)->key() == testing::KeyNumber(number).bytes() &&
                             (*answer)->events(0) == Answer(number)->events(0)
                         ? 0
                         : 1;
          }
          got.Notify();
        });
        got.WaitForNotification();
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    const int before = hits;
    ASSERT_TRUE(testing::WaitUntil([&] { return hits > before + 100; })) << "round " << round;
    redis_.Kill();
    ASSERT_TRUE(testing::WaitUntil([&] { return !tier_->available(); }));
    redis_.Start();
  }
  const int before = hits;
  EXPECT_TRUE(testing::WaitUntil([&] { return hits > before + 100; }));
  stop = true;
  threads.clear();

  EXPECT_EQ(asked, answered);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace chasqui::cache
