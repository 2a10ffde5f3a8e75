// SPDX-License-Identifier: Apache-2.0
#include "services/cache/memory/s3_fifo.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/cache/answers.h"

namespace chasqui::cache {
namespace {

using testing::KeyNumber;

constexpr std::size_t kMaxBytes = 1000;
constexpr std::size_t kBytes = 100;

// With room for ten entries, of which one is the part of the small queue.
struct S3FifoTest : ::testing::Test {
  void Put(std::uint64_t number, double cost = 1) {
    EXPECT_TRUE(fifo.Insert(KeyNumber(number), static_cast<int>(number), kBytes, cost));
  }
  // New entries that are never used.
  void Scan(int count) {
    for (int i = 0; i < count; ++i) Put(next_++);
  }
  bool Holds(std::uint64_t number) { return fifo.Find(KeyNumber(number)) != nullptr; }

  S3Fifo<int> fifo{kMaxBytes, /*weigh_cost=*/false};

 private:
  std::uint64_t next_ = 1'000'000;
};

TEST_F(S3FifoTest, FindsWhatWasPutIn) {
  Put(1);

  ASSERT_NE(fifo.Find(KeyNumber(1)), nullptr);
  EXPECT_EQ(*fifo.Find(KeyNumber(1)), 1);
  EXPECT_EQ(fifo.Find(KeyNumber(2)), nullptr);
  EXPECT_EQ(fifo.size(), 1);
  EXPECT_EQ(fifo.bytes(), kBytes);
}

TEST_F(S3FifoTest, PutsInPlaceOfWhatWasThere) {
  Put(1);
  EXPECT_TRUE(fifo.Insert(KeyNumber(1), 7, 300, 1));

  EXPECT_EQ(*fifo.Find(KeyNumber(1)), 7);
  EXPECT_EQ(fifo.size(), 1);
  EXPECT_EQ(fifo.bytes(), 300);
}

TEST_F(S3FifoTest, TakesNothingThatIsLargerThanEverything) {
  Put(1);

  EXPECT_FALSE(fifo.Insert(KeyNumber(1), 7, kMaxBytes + 1, 1));
  EXPECT_FALSE(Holds(1)) << "what it was to replace is no longer right";
  EXPECT_TRUE(fifo.Insert(KeyNumber(2), 7, kMaxBytes, 1));
}

TEST_F(S3FifoTest, ErasesAndClears) {
  Put(1);
  Put(2);
  Put(3);

  EXPECT_TRUE(fifo.Erase(KeyNumber(2)));
  EXPECT_FALSE(fifo.Erase(KeyNumber(2)));
  EXPECT_EQ(fifo.size(), 2);

  fifo.Clear();
  EXPECT_EQ(fifo.size(), 0);
  EXPECT_EQ(fifo.bytes(), 0);
  EXPECT_FALSE(Holds(1));
}

TEST_F(S3FifoTest, ForgetsTheOldestOfThoseNeverUsed) {
  for (std::uint64_t i = 0; i < 11; ++i) Put(i);

  EXPECT_FALSE(Holds(0));
  EXPECT_TRUE(Holds(1));
  EXPECT_EQ(fifo.evictions(), 1);
}

TEST_F(S3FifoTest, AScanDoesNotDriveOutWhatIsUsed) {
  Put(1);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Holds(1));

  Scan(1000);

  EXPECT_TRUE(Holds(1));
}

TEST_F(S3FifoTest, OneUseInTheSmallQueueIsNotEnough) {
  Put(1);
  EXPECT_TRUE(Holds(1));

  Scan(1000);

  EXPECT_FALSE(Holds(1));
}

TEST_F(S3FifoTest, WhatComesBackSoonStays) {
  Put(1);
  Scan(10);
  ASSERT_FALSE(Holds(1));
  Put(1);

  Scan(1000);

  EXPECT_TRUE(Holds(1)) << "it went to the main queue, which scans do not reach";
}

TEST_F(S3FifoTest, WhatComesBackLateIsNew) {
  Put(1);
  Scan(1000);
  Put(1);

  Scan(1000);

  EXPECT_FALSE(Holds(1));
}

TEST_F(S3FifoTest, WhatIsPutInAgainKeepsItsUses) {
  Put(1);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Holds(1));
  Put(1);

  Scan(1000);

  EXPECT_TRUE(Holds(1));
}

TEST(S3Fifo, WhatIsDearForItsSizeGoesRoundOnceMore) {
  S3Fifo<int> fifo(kMaxBytes, /*weigh_cost=*/true);
  const auto put = [&](std::uint64_t number, double cost) {
    fifo.Insert(KeyNumber(number), 0, kBytes, cost);
  };
  put(100, 1);
  put(0, 50);
  for (std::uint64_t i = 1; i <= 10; ++i) put(i, 1);

  EXPECT_EQ(fifo.Find(KeyNumber(1)), nullptr) << "it went in its place";
  for (std::uint64_t i = 11; i <= 30; ++i) put(i, 1);
  EXPECT_EQ(fifo.Find(KeyNumber(0)), nullptr) << "once only";
}

TEST(IsDear, ComparesTheCostOfAByteWithTheAverage) {
  EXPECT_TRUE(IsDear(/*cost=*/11, /*bytes=*/10, /*average_cost_per_byte=*/1));
  EXPECT_FALSE(IsDear(10, 10, 1));
  EXPECT_FALSE(IsDear(11, 100, 1)) << "large";
  EXPECT_FALSE(IsDear(0, 10, 0));
}

}  // namespace
}  // namespace chasqui::cache
