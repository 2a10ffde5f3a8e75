// SPDX-License-Identifier: Apache-2.0
#include "services/cache/memory/memory_tier.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/concurrency/named_thread.h"
#include "tests/support/cache/answers.h"
#include "tests/support/fake_clock.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using testing::KeyNumber;
using testing::MakeAnswer;

constexpr MemoryTier::Options kOptions = {.max_bytes = 1 << 20, .shards = 4, .max_ttl = 1h};

struct MemoryTierTest : ::testing::Test {
  time::SystemTime now() const { return clock.SystemNow(); }

  testing::FakeClock clock;
  MemoryTier tier{kOptions};
};

TEST_F(MemoryTierTest, GivesBackTheAnswerItself) {
  const AnswerPtr answer = MakeAnswer(1);
  tier.Put(answer, now());

  EXPECT_EQ(tier.Get(KeyNumber(1), now()), answer);
  EXPECT_EQ(tier.Get(KeyNumber(2), now()), nullptr);
}

TEST_F(MemoryTierTest, PutsInPlaceOfWhatWasThere) {
  tier.Put(MakeAnswer(1), now());
  const AnswerPtr newer = MakeAnswer(1, {.bytes = 10, .version = 1});
  tier.Put(newer, now());

  EXPECT_EQ(tier.Get(KeyNumber(1), now()), newer);
  EXPECT_EQ(tier.counts().entries, 1);
  EXPECT_EQ(tier.counts().used_bytes, MemoryBytes(*newer));
  EXPECT_EQ(tier.counts().stores, 2);
}

TEST_F(MemoryTierTest, AnAnswerIsGoneWhenItExpires) {
  tier.Put(MakeAnswer(1, {.expires = now() + 1min}), now());

  clock.Advance(1min - 1us);
  EXPECT_NE(tier.Get(KeyNumber(1), now()), nullptr);
  clock.Advance(1us);
  EXPECT_EQ(tier.Get(KeyNumber(1), now()), nullptr);
  EXPECT_EQ(tier.counts().expired, 1);
  EXPECT_EQ(tier.counts().used_bytes, 0);
}

TEST_F(MemoryTierTest, NothingStaysLongerThanItsLongestTime) {
  tier.Put(MakeAnswer(1), now());

  clock.Advance(kOptions.max_ttl - 1us);
  EXPECT_NE(tier.Get(KeyNumber(1), now()), nullptr);
  clock.Advance(1us);
  EXPECT_EQ(tier.Get(KeyNumber(1), now()), nullptr);
}

TEST_F(MemoryTierTest, TakesNothingLargerThanAQuarterOfAPart) {
  constexpr std::size_t kQuarter = (1 << 20) / 4 / 4;
  tier.Put(MakeAnswer(1), now());
  const AnswerPtr large = MakeAnswer(1, {.bytes = kQuarter});
  ASSERT_GT(MemoryBytes(*large), kQuarter);
  EXPECT_FALSE(tier.Put(large, now()));

  EXPECT_EQ(tier.Get(KeyNumber(1), now()), nullptr) << "nor does the older answer stay";
  EXPECT_TRUE(tier.Put(MakeAnswer(2, {.bytes = kQuarter / 2}), now()));
  EXPECT_NE(tier.Get(KeyNumber(2), now()), nullptr);
}

TEST_F(MemoryTierTest, RemovesAndClears) {
  for (std::uint64_t i = 0; i < 20; ++i) tier.Put(MakeAnswer(i), now());

  tier.Remove(KeyNumber(3));
  EXPECT_EQ(tier.Get(KeyNumber(3), now()), nullptr);
  EXPECT_EQ(tier.counts().entries, 19);

  tier.Clear();
  EXPECT_EQ(tier.counts().entries, 0);
  EXPECT_EQ(tier.counts().used_bytes, 0);
}

TEST_F(MemoryTierTest, AnAnswerOutlivesItsEvictionWhereItIsSent) {
  tier.Put(MakeAnswer(1), now());
  const AnswerPtr sent = tier.Get(KeyNumber(1), now());

  tier.Clear();

  EXPECT_EQ(sent->SerializeAsString(), MakeAnswer(1)->SerializeAsString());
}

TEST_F(MemoryTierTest, KeepsToItsBytes) {
  for (std::uint64_t i = 0; i < 5000; ++i) {
    tier.Put(MakeAnswer(i, {.bytes = 100 + i % 3000}), now());
    ASSERT_LE(tier.counts().used_bytes, kOptions.max_bytes);
  }

  EXPECT_GT(tier.counts().used_bytes, kOptions.max_bytes / 2);
  EXPECT_GT(tier.counts().evicted_for_room, 0);
}

TEST_F(MemoryTierTest, ThreadsNeverSeeAnotherAnswer) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 5000;
  constexpr std::uint64_t kAnswers = 300;
  std::vector<AnswerPtr> answers;
  for (std::uint64_t i = 0; i < kAnswers; ++i) answers.push_back(MakeAnswer(i, {.bytes = 8000}));
  std::atomic<int> wrong = 0;
  std::atomic<int> over = 0;
  {
    std::vector<concurrency::NamedThread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back(absl::StrCat("tier-", t), [&, t](const std::stop_token&) {
        std::mt19937_64 random(t);
        for (int step = 0; step < kSteps; ++step) {
          const std::uint64_t i = random() % kAnswers;
          const std::uint64_t dice = random() % 1000;
          if (dice < 2) tier.Clear();
          if (dice < 50) tier.Remove(KeyOf(*answers[i]));
          if (dice < 400) tier.Put(answers[i], now());
          const AnswerPtr found = tier.Get(KeyOf(*answers[i]), now());
          if (found != nullptr && found != answers[i]) ++wrong;
          if (step % 64 == 0 && tier.counts().used_bytes > kOptions.max_bytes) ++over;
        }
      });
    }
  }

  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(over, 0);
}

}  // namespace
}  // namespace chasqui::cache
