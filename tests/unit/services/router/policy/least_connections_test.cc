// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/least_connections.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using ::testing::ElementsAre;

struct Case {
  std::string name;
  std::vector<Candidate> candidates;
  std::size_t chosen;
};

class LeastConnectionsPolicyTable : public ::testing::TestWithParam<Case> {};

TEST_P(LeastConnectionsPolicyTable, Picks) {
  LeastConnectionsPolicy policy;

  EXPECT_EQ(policy.Pick(GetParam().candidates), GetParam().chosen);
}

INSTANTIATE_TEST_SUITE_P(
    All, LeastConnectionsPolicyTable,
    ::testing::Values(
        Case{"TheOnlyOne", {{.order = 7, .load = 3, .slots = 4}}, 0},
        Case{"FewestRequests",
             {{.order = 0, .load = 2, .slots = 4}, {.order = 1, .load = 1, .slots = 4}},
             1},
        Case{"FewestForItsSlots",
             {{.order = 0, .load = 3, .slots = 4}, {.order = 1, .load = 5, .slots = 16}},
             1},
        Case{"MoreSlotsOfTwoIdle",
             {{.order = 0, .load = 0, .slots = 4}, {.order = 1, .load = 0, .slots = 8}},
             1},
        Case{"EarlierOfEquals",
             {{.order = 5, .load = 1, .slots = 4}, {.order = 2, .load = 1, .slots = 4}},
             1},
        Case{"MuchFasterOneThoughBusier",
             {{.order = 0, .load = 0, .slots = 8, .tokens_per_second = 40},
              {.order = 1, .load = 6, .slots = 8, .tokens_per_second = 2000}},
             1},
        Case{"SlowOneWhenTheFastIsCrowdedEnough",
             {{.order = 0, .load = 0, .slots = 8, .tokens_per_second = 200},
              {.order = 1, .load = 6, .slots = 8, .tokens_per_second = 800}},
             0},
        Case{"SpeedOfASlotNotOfTheWorker",
             {{.order = 0, .load = 1, .slots = 4, .tokens_per_second = 400},
              {.order = 1, .load = 4, .slots = 16, .tokens_per_second = 1600}},
             1},
        Case{"RatesIgnoredWhenOneIsUnknown",
             {{.order = 0, .load = 1, .slots = 8, .tokens_per_second = 4000},
              {.order = 1, .load = 0, .slots = 8, .tokens_per_second = 0}},
             1},
        Case{"SmallDifferencesOfRateIgnored",
             {{.order = 0, .load = 4, .slots = 8, .tokens_per_second = 130},
              {.order = 1, .load = 3, .slots = 8, .tokens_per_second = 100}},
             1}),
    [](const auto& test) { return test.param.name; });

TEST(LeastConnectionsPolicy, TakesTurnsAmongEquals) {
  LeastConnectionsPolicy policy;
  const std::vector<Candidate> idle = {{.order = 0}, {.order = 1}, {.order = 2}};

  std::vector<std::size_t> picks;
  for (int i = 0; i < 6; ++i) picks.push_back(policy.Pick(idle));

  EXPECT_THAT(picks, ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(LeastConnectionsPolicy, KeepsTurnsWhenAMemberLeaves) {
  LeastConnectionsPolicy policy;
  const std::vector<Candidate> three = {{.order = 0}, {.order = 1}, {.order = 2}};
  const std::vector<Candidate> without_first = {{.order = 1}, {.order = 2}};

  policy.Pick(three);

  EXPECT_EQ(policy.Pick(without_first), 0u);
  EXPECT_EQ(policy.Pick(without_first), 1u);
}

TEST(LeastConnectionsPolicy, KeepsTwoEqualWorkersWithinOneRequest) {
  LeastConnectionsPolicy policy;
  std::mt19937 random(1);
  std::vector<Candidate> workers = {
      {.order = 0, .slots = 64, .tokens_per_second = 950},
      {.order = 1, .slots = 64, .tokens_per_second = 1000},
  };

  // Requests come; they only end where there are more, or in pairs, so that what is seen is the
  // policy's own doing and not that of chance.
  for (int i = 0; i < 2000; ++i) {
    const bool full = workers[0].load == 64 || workers[1].load == 64;
    if (full || (random() % 3 == 0 && workers[0].load > 0 && workers[0].load == workers[1].load)) {
      workers[0].load -= 1;
      workers[1].load -= 1;
    }
    workers[policy.Pick(workers)].load += 1;
    const int difference = static_cast<int>(workers[0].load) - static_cast<int>(workers[1].load);
    ASSERT_LE(std::abs(difference), 1) << "after " << i << " requests";
  }
}

}  // namespace
}  // namespace chasqui::router
