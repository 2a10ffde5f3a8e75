// SPDX-License-Identifier: Apache-2.0
#include "services/cache/memory/memory_tier.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"
#include "tests/unit/services/cache/answers.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

class MemoryTierTest : public ::testing::Test {
 protected:
  AnswerPtr Answer(std::uint64_t number, time::Duration ttl, std::size_t bytes = 100) const {
    return AnswerNumber(number, clock_.SystemNow() + ttl, bytes);
  }

  testing::FakeClock clock_;
  MemoryTier tier_{{.max_bytes = 1 << 20, .shards = 4, .max_ttl = 1h}};
};

TEST_F(MemoryTierTest, GivesBackWhatItHolds) {
  const AnswerPtr answer = Answer(1, 1min);
  tier_.Put(answer, clock_.SystemNow());

  EXPECT_EQ(tier_.Get(KeyNumber(1), clock_.SystemNow()), answer);
  EXPECT_EQ(tier_.Get(KeyNumber(2), clock_.SystemNow()), nullptr);
  tier_.Remove(KeyNumber(1));
  EXPECT_EQ(tier_.Get(KeyNumber(1), clock_.SystemNow()), nullptr);
}

TEST_F(MemoryTierTest, ForgetsWhatHasExpired) {
  tier_.Put(Answer(1, 1min), clock_.SystemNow());
  tier_.Put(Answer(2, 100h), clock_.SystemNow());
  clock_.Advance(1min);
  EXPECT_EQ(tier_.Get(KeyNumber(1), clock_.SystemNow()), nullptr);
  EXPECT_NE(tier_.Get(KeyNumber(2), clock_.SystemNow()), nullptr);

  clock_.Advance(59min);

  EXPECT_EQ(tier_.Get(KeyNumber(2), clock_.SystemNow()), nullptr) << "beyond max_ttl";
  EXPECT_EQ(tier_.counts().expired, 2);
  EXPECT_EQ(tier_.counts().entries, 0);
}

TEST_F(MemoryTierTest, DoesNotTakeMoreThanAQuarterOfAPart) {
  tier_.Put(Answer(1, 1min), clock_.SystemNow());

  tier_.Put(Answer(1, 1min, (1 << 20) / 16 + 1), clock_.SystemNow());

  EXPECT_EQ(tier_.Get(KeyNumber(1), clock_.SystemNow()), nullptr) << "the older one is no answer";
}

TEST_F(MemoryTierTest, StaysWithinItsBytesWithManyThreads) {
  std::vector<concurrency::NamedThread> threads;
  for (std::uint64_t part = 0; part < 4; ++part) {
    threads.emplace_back("test", [this, part](const std::stop_token&) {
      for (std::uint64_t i = 0; i < 3000; ++i) {
        const std::uint64_t number = (i * 7 + part * 13) % 1000;
        const AnswerPtr answer = tier_.Get(KeyNumber(number), clock_.SystemNow());
        if (answer == nullptr) {
          tier_.Put(Answer(number, 1min, 1 + number * 5), clock_.SystemNow());
        } else {
          EXPECT_EQ(answer->key(), KeyNumber(number).bytes());
        }
        if (i % 50 == 0) tier_.Remove(KeyNumber(number));
      }
    });
  }
  threads.clear();

  const TierCounts counts = tier_.counts();
  EXPECT_LE(counts.used_bytes, counts.max_bytes);
  EXPECT_GT(counts.evicted_for_room, 0);
  tier_.Clear();
  EXPECT_EQ(tier_.counts().used_bytes, 0);
}

}  // namespace
}  // namespace chasqui::cache
