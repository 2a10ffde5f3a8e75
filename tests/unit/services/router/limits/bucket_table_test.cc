// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/bucket_table.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr time::SteadyTime kStart{1000h};

Quota Limit(const std::string& bucket, std::uint64_t units, time::Duration period = 1min) {
  return {.name = "tokens_per_minute",
          .subject = bucket,
          .method = {},
          .counted = Counted::kTokens,
          .limit = {.units = units, .period = period},
          .bucket = bucket};
}

class BucketTableTest : public ::testing::Test {
 protected:
  std::optional<Shortage> Take(const std::vector<Draw>& draws, time::SteadyTime now = kStart) {
    return table_.Take(draws, now, drawn_);
  }

  BucketTable table_{3};
  std::vector<Drawn> drawn_;
  const Quota small_ = Limit("small", 10);
  const Quota large_ = Limit("large", 600);
};

TEST_F(BucketTableTest, TakesAllDrawsOrNone) {
  ASSERT_EQ(Take({{&large_, 590}}), std::nullopt);

  const auto shortage = Take({{&small_, 10}, {&large_, 12}});

  ASSERT_TRUE(shortage.has_value());
  EXPECT_EQ(shortage->draw, 1);
  EXPECT_EQ(shortage->retry_after, 200ms);
  EXPECT_TRUE(drawn_.empty());
  // Nothing of the small one was taken.
  EXPECT_EQ(Take({{&small_, 10}, {&large_, 10}}), std::nullopt);
}

TEST_F(BucketTableTest, TellsTheDrawThatTakesLongest) {
  ASSERT_EQ(Take({{&small_, 10}, {&large_, 600}}), std::nullopt);

  const auto shortage = Take({{&large_, 1}, {&small_, 1}});

  ASSERT_TRUE(shortage.has_value());
  EXPECT_EQ(shortage->draw, 1);
  EXPECT_EQ(shortage->retry_after, 6s);
}

TEST_F(BucketTableTest, LetsWhatIsLargerThanTheQuotaHaveAllOfIt) {
  ASSERT_EQ(Take({{&small_, 1000}}), std::nullopt);
  EXPECT_EQ(drawn_[0].units, 10);

  EXPECT_EQ(Take({{&small_, 1000}}, kStart + 59s)->retry_after, 1s);
  EXPECT_EQ(Take({{&small_, 1000}}, kStart + 60s), std::nullopt);
}

TEST_F(BucketTableTest, SettlesWhatWasUsed) {
  ASSERT_EQ(Take({{&small_, 10}}), std::nullopt);
  table_.Settle(drawn_[0], 4, kStart);

  EXPECT_EQ(Take({{&small_, 6}}), std::nullopt);
  EXPECT_NE(Take({{&small_, 1}}), std::nullopt);
}

TEST_F(BucketTableTest, MakesWhoUsedMoreWaitForIt) {
  ASSERT_EQ(Take({{&small_, 1000}}), std::nullopt);
  table_.Settle(drawn_[0], 30, kStart);

  // Thirty were used, of which one a 6 s comes back, and ten must be free.
  EXPECT_EQ(Take({{&small_, 10}})->retry_after, 3min);
}

TEST_F(BucketTableTest, SettlesNothingTwiceWhenTheBucketWasForgotten) {
  ASSERT_EQ(Take({{&small_, 10}}), std::nullopt);
  const Drawn old = drawn_[0];
  const time::SteadyTime later = kStart + 2min;
  const Quota a = Limit("a", 1);
  const Quota b = Limit("b", 1);
  const Quota c = Limit("c", 1);
  ASSERT_EQ(Take({{&a, 1}, {&b, 1}, {&c, 1}}, later), std::nullopt);

  table_.Settle(old, 0, later);

  EXPECT_EQ(table_.size(), 3);
}

TEST_F(BucketTableTest, IsBoundedAndForgetsTheOneThatIsSoonestFull) {
  const Quota a = Limit("a", 100);
  const Quota b = Limit("b", 100);
  const Quota c = Limit("c", 100);
  const Quota d = Limit("d", 100, 1h);
  ASSERT_EQ(Take({{&a, 100}}, kStart), std::nullopt);
  ASSERT_EQ(Take({{&b, 100}}, kStart + 1s), std::nullopt);
  ASSERT_EQ(Take({{&c, 100}}, kStart + 2s), std::nullopt);

  ASSERT_EQ(Take({{&d, 100}}, kStart + 3s), std::nullopt);

  EXPECT_EQ(table_.size(), 3);
  EXPECT_NE(Take({{&b, 100}}, kStart + 3s), std::nullopt);
  EXPECT_NE(Take({{&d, 100}}, kStart + 3s), std::nullopt);
  EXPECT_EQ(Take({{&a, 100}}, kStart + 3s), std::nullopt);
}

}  // namespace
}  // namespace chasqui::router
