// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/round_robin.h"

#include <vector>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

TEST(RoundRobinPolicy, TakesTurnsWhateverTheLoad) {
  RoundRobinPolicy policy;
  const std::vector<Candidate> workers = {
      {.order = 4, .load = 0}, {.order = 1, .load = 9, .slots = 10}, {.order = 2, .load = 1}};

  EXPECT_EQ(policy.Pick(workers), 1u);
  EXPECT_EQ(policy.Pick(workers), 2u);
  EXPECT_EQ(policy.Pick(workers), 0u);
  EXPECT_EQ(policy.Pick(workers), 1u);
}

TEST(RoundRobinPolicy, SkipsThoseWithoutRoomAndGoesOn) {
  RoundRobinPolicy policy;
  const std::vector<Candidate> all = {{.order = 0}, {.order = 1}, {.order = 2}};
  const std::vector<Candidate> without_second = {{.order = 0}, {.order = 2}};

  policy.Pick(all);

  EXPECT_EQ(policy.Pick(without_second), 1u);
  EXPECT_EQ(policy.Pick(all), 0u);
}

}  // namespace
}  // namespace chasqui::router
