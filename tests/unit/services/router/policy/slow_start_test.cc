// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/slow_start.h"

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "services/router/policy/policy.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

TEST(SlowStart, GrowsFromATenthToAll) {
  const struct {
    time::Duration age;
    time::Duration window;
    double warmth;
  } kCases[] = {
      {0s, 10s, 0.1}, {500ms, 10s, 0.1}, {1s, 10s, 0.1}, {2s, 10s, 0.2},  {9s, 10s, 0.9},
      {10s, 10s, 1},  {1h, 10s, 1},      {0s, 0s, 1},    {-1s, 10s, 0.1},
  };
  for (const auto& c : kCases) {
    EXPECT_DOUBLE_EQ(WarmthOf(c.age, c.window), c.warmth) << c.age.count() << " ns";
  }
}

// How many of `picks` requests, each ended before the next but `running` of them, go to the second
// of two workers of eight slots that is as warm as that.
int Share(config::v1::BalancingPolicy kind, double warmth, int picks) {
  config::v1::BalancingConfig config;
  config.set_policy(kind);
  config.mutable_prefix_affinity()->set_table_entries(1024);
  std::mt19937_64 random(1);
  const auto policy = MakePolicy(config, [&random](std::size_t bound) { return random() % bound; });
  constexpr std::size_t kRunning = 7;
  std::vector<Candidate> candidates = {{.order = 1, .slots = 8}, {.order = 2, .slots = 8}};
  candidates[1].warmth = warmth;
  std::vector<std::size_t> running;
  int second = 0;
  for (int i = 0; i < picks; ++i) {
    const std::size_t chosen = policy->Choose(candidates, {}).index;
    second += chosen == 1 ? 1 : 0;
    ++candidates[chosen].load;
    running.push_back(chosen);
    if (running.size() <= kRunning) continue;
    --candidates[running.front()].load;
    running.erase(running.begin());
  }
  return second;
}

class SlowStartOf : public ::testing::TestWithParam<config::v1::BalancingPolicy> {};

TEST_P(SlowStartOf, GivesLessTheColderTheWorkerIs) {
  const int cold = Share(GetParam(), 0.1, 1000);
  const int half = Share(GetParam(), 0.5, 1000);
  const int warm = Share(GetParam(), 1, 1000);

  EXPECT_LT(cold, half * 3 / 4);
  EXPECT_LT(half, warm * 9 / 10);
  EXPECT_NEAR(warm, 500, 50);
}

TEST_P(SlowStartOf, NeverRefusesTheOnlyOneWithRoom) {
  config::v1::BalancingConfig config;
  config.set_policy(GetParam());
  config.mutable_prefix_affinity()->set_table_entries(1024);
  std::mt19937_64 random(1);
  const auto policy = MakePolicy(config, [&random](std::size_t bound) { return random() % bound; });

  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(policy->Choose(std::vector<Candidate>{{.order = 1, .warmth = 0.1}}, {}).index, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, SlowStartOf,
                         ::testing::Values(config::v1::BALANCING_POLICY_LEAST_CONNECTIONS,
                                           config::v1::BALANCING_POLICY_ROUND_ROBIN,
                                           config::v1::BALANCING_POLICY_RANDOM_OF_TWO,
                                           config::v1::BALANCING_POLICY_PREFIX_AFFINITY,
                                           config::v1::BALANCING_POLICY_WEIGHTED_RESPONSE_TIME));

TEST(SlowStart, LetsTurnsPassInProportion) {
  EXPECT_NEAR(Share(config::v1::BALANCING_POLICY_ROUND_ROBIN, 0.25, 500), 100, 1);
}

}  // namespace
}  // namespace chasqui::router
