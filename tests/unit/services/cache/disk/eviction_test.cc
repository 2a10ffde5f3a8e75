// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/eviction.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::cache {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1000 * kSecond;

v1::DiskRecord Record(std::uint64_t size, std::int64_t cost, std::int64_t used, std::uint32_t hits,
                      std::int64_t expires = 2 * kNow) {
  v1::DiskRecord record;
  record.set_size_bytes(size);
  record.set_cost_us(cost);
  record.set_used_us(used);
  record.set_hits(hits);
  record.set_expires_us(expires);
  return record;
}

struct Case {
  std::string what;
  v1::DiskRecord first;  // goes before `second`
  v1::DiskRecord second;
};

class LeastWorthTable : public ::testing::TestWithParam<Case> {};

TEST_P(LeastWorthTable, GoesFirst) {
  const std::vector<v1::DiskRecord> one = {GetParam().first, GetParam().second};
  const std::vector<v1::DiskRecord> other = {GetParam().second, GetParam().first};

  EXPECT_THAT(LeastWorth(one, 1, kNow), ElementsAre(0));
  EXPECT_THAT(LeastWorth(other, 1, kNow), ElementsAre(1));
}

INSTANTIATE_TEST_SUITE_P(
    All, LeastWorthTable,
    ::testing::Values(
        Case{"Cheap", Record(100, 10, kNow, 1), Record(100, 20, kNow, 1)},
        Case{"Large", Record(200, 10, kNow, 1), Record(100, 10, kNow, 1)},
        Case{"SeldomFound", Record(100, 10, kNow, 1), Record(100, 10, kNow, 2)},
        Case{"NotFoundForLong", Record(100, 10, kNow - 60 * kSecond, 1), Record(100, 10, kNow, 1)},
        Case{"Expired", Record(100, 1000, kNow, 50, kNow), Record(100, 1, kNow, 0)},
        Case{"Unreadable", v1::DiskRecord(), Record(100, 1, kNow, 0)},
        Case{"OftenButLongAgo", Record(100, 10, kNow - 900 * kSecond, 20),
             Record(100, 10, kNow - 5 * kSecond, 1)},
        Case{"UsedInTheFuture", Record(100, 10, kNow + 60 * kSecond, 0), Record(100, 10, kNow, 1)}),
    [](const auto& test) { return test.param.what; });

TEST(LeastWorth, TellsThemInOrder) {
  const std::vector<v1::DiskRecord> sample = {Record(100, 30, kNow, 0), Record(100, 10, kNow, 0),
                                              Record(100, 99, kNow, 0, kNow - 1),
                                              Record(100, 20, kNow, 0)};

  EXPECT_THAT(LeastWorth(sample, 3, kNow), ElementsAre(2, 1, 3));
  EXPECT_THAT(LeastWorth(sample, 10, kNow), ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(LeastWorth({}, 3, kNow), ElementsAre());
}

}  // namespace
}  // namespace chasqui::cache
