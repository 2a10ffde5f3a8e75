// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/ack_table.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr time::SteadyTime kStart{1h};

AckTable::Done Nobody() {
  return [](std::uint32_t, bool) {};
}

std::uint64_t BatchOf(AckTable& table, std::vector<std::uint64_t> waiting) {
  return table.BeginBatch(waiting);
}

TEST(AckTable, SettlesAChangeWhenAllHaveAppliedIt) {
  AckTable table;
  const std::uint64_t batch = BatchOf(table, {table.Add(Nobody(), kStart + 1s)});

  EXPECT_THAT(table.Expect(batch, 3), IsEmpty());
  EXPECT_THAT(table.Acknowledge(batch), IsEmpty());
  const auto verdicts = table.Acknowledge(batch);

  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].replicas, 3);
  EXPECT_FALSE(verdicts[0].pending);
  EXPECT_THAT(table.TakeAll(), IsEmpty());
}

TEST(AckTable, SettlesAtOnceWhenThereAreNoOthers) {
  AckTable table;
  const auto verdicts = table.Expect(BatchOf(table, {table.Add(Nobody(), kStart)}), 1);
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].replicas, 1);
}

TEST(AckTable, SettlesAllOfABatchAndNoOthers) {
  AckTable table;
  const std::uint64_t first = table.Add(Nobody(), kStart + 1s);
  const std::uint64_t second = table.Add(Nobody(), kStart + 1s);
  table.Add(Nobody(), kStart + 1s);

  EXPECT_THAT(table.Expect(BatchOf(table, {first, second}), 1), SizeIs(2));

  EXPECT_THAT(table.TakeAll(), SizeIs(1));
}

TEST(AckTable, TakesAcknowledgementsThatComeFirst) {
  AckTable table;
  const std::uint64_t batch = BatchOf(table, {table.Add(Nobody(), kStart + 1s)});

  EXPECT_THAT(table.Acknowledge(batch), IsEmpty());

  EXPECT_THAT(table.Expect(batch, 2), SizeIs(1));
}

TEST(AckTable, GivesUpWhatIsLateAndTellsHowManyApplied) {
  AckTable table;
  const std::uint64_t first = table.Add(Nobody(), kStart + 1s);
  const std::uint64_t second = table.Add(Nobody(), kStart + 2s);
  const std::uint64_t batch = BatchOf(table, {first, second});
  table.Add(Nobody(), kStart + 2s);
  table.Expect(batch, 3);
  table.Acknowledge(batch);
  EXPECT_THAT(table.TakeLate(kStart + 999ms), IsEmpty());

  const auto late = table.TakeLate(kStart + 1s);

  ASSERT_THAT(late, SizeIs(1));
  EXPECT_EQ(late[0].replicas, 2);
  EXPECT_TRUE(late[0].pending);
  // Who is not late is still told.
  EXPECT_THAT(table.Acknowledge(batch), SizeIs(1));
  EXPECT_THAT(table.TakeAll(), SizeIs(1));
}

TEST(AckTable, IgnoresWhatNobodyWaitsFor) {
  AckTable table;
  const std::uint64_t number = table.Add(Nobody(), kStart);
  const std::uint64_t batch = BatchOf(table, {number});
  table.TakeAll();

  EXPECT_THAT(table.Acknowledge(batch), IsEmpty());
  EXPECT_THAT(table.Expect(batch, 1), IsEmpty());
  EXPECT_THAT(table.Expect(0, 1), IsEmpty());
  EXPECT_EQ(BatchOf(table, {number}), 0);
}

}  // namespace
}  // namespace chasqui::cache
