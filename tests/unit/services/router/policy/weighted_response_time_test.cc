// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/weighted_response_time.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

RandomSource Seeded(std::uint64_t seed) {
  return [generator = std::mt19937_64(seed)](std::size_t bound) mutable {
    return generator() % bound;
  };
}

struct Case {
  std::string name;
  std::vector<Candidate> candidates;
  double share_of_first;
};

class WeightedResponseTimePolicyTable : public ::testing::TestWithParam<Case> {};

TEST_P(WeightedResponseTimePolicyTable, DrawsByWeight) {
  WeightedResponseTimePolicy policy(Seeded(1));
  int first = 0;

  for (int i = 0; i < 20'000; ++i) first += policy.Pick(GetParam().candidates) == 0 ? 1 : 0;

  EXPECT_NEAR(first / 20'000.0, GetParam().share_of_first, 0.02);
}

INSTANTIATE_TEST_SUITE_P(
    All, WeightedResponseTimePolicyTable,
    ::testing::Values(Case{"TheOnlyOne", {{.order = 3, .load = 1, .slots = 4}}, 1},
                      Case{"EquallyWhenNoneIsMeasured",
                           {{.order = 0, .slots = 4}, {.order = 1, .slots = 4}},
                           0.5},
                      Case{"TwiceAsQuickTwiceAsOften",
                           {{.order = 0, .slots = 4, .response_seconds = 1},
                            {.order = 1, .slots = 4, .response_seconds = 2}},
                           2.0 / 3},
                      Case{"ByFreeSlots",
                           {{.order = 0, .load = 3, .slots = 4, .response_seconds = 1},
                            {.order = 1, .load = 1, .slots = 4, .response_seconds = 1}},
                           0.25},
                      Case{"TheNewOneAsTheQuickest",
                           {{.order = 0, .slots = 4},
                            {.order = 1, .slots = 4, .response_seconds = 1},
                            {.order = 2, .slots = 4, .response_seconds = 2}},
                           0.4},
                      Case{"ThoseWithoutFreeSlotsByTime",
                           {{.order = 0, .load = 9, .slots = 4, .response_seconds = 3},
                            {.order = 1, .load = 4, .slots = 4, .response_seconds = 1}},
                           0.25}),
    [](const auto& test) { return test.param.name; });

TEST(WeightedResponseTimePolicy, IsTheSameForTheSameSeed) {
  const std::vector<Candidate> workers = {{.order = 0, .slots = 4}, {.order = 1, .slots = 4}};
  WeightedResponseTimePolicy one(Seeded(9));
  WeightedResponseTimePolicy other(Seeded(9));

  for (int i = 0; i < 1000; ++i) ASSERT_EQ(one.Pick(workers), other.Pick(workers));
}

}  // namespace
}  // namespace chasqui::router
