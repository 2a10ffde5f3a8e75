// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/prefix_table.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(PrefixTable, RemembersWhoTookWhat) {
  PrefixTable table(64);
  table.Add(11, 1);
  table.Add(12, 2);
  table.Add(11, 3);
  table.Add(11, 3);

  EXPECT_THAT(table.Find(11), UnorderedElementsAre(1, 3));
  EXPECT_THAT(table.Find(12), ElementsAre(2));
  EXPECT_THAT(table.Find(13), IsEmpty());
  EXPECT_EQ(table.size(), 3u);
}

TEST(PrefixTable, KeepsTheLastFourWorkersOfABeginning) {
  PrefixTable table(64);
  for (std::uint64_t worker = 1; worker <= 4; ++worker) table.Add(11, worker);
  table.Add(11, 1);  // used again

  table.Add(11, 5);

  EXPECT_THAT(table.Find(11), UnorderedElementsAre(1, 3, 4, 5));
}

TEST(PrefixTable, ReplacesWhatWasUsedTheLongestAgo) {
  PrefixTable table(8);  // one set
  for (std::uint64_t hash = 1; hash <= 8; ++hash) table.Add(hash, 0);
  table.Add(1, 0);

  table.Add(9, 0);

  EXPECT_THAT(table.Find(1), ElementsAre(0));
  EXPECT_THAT(table.Find(2), IsEmpty());
  EXPECT_THAT(table.Find(9), ElementsAre(0));
}

TEST(PrefixTable, StaysWithinItsBound) {
  PrefixTable table(1000);

  for (std::uint64_t i = 0; i < 100'000; ++i) table.Add(i * 0x9e3779b97f4a7c15, i % 7);

  EXPECT_EQ(table.capacity(), 1000u);
  EXPECT_EQ(table.size(), table.capacity());
}

}  // namespace
}  // namespace chasqui::router
