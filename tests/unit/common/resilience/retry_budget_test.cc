// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/retry_budget.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::resilience {
namespace {

// How many of `tries` retries are let pass at one time while there are `active` requests.
std::size_t MostRetries(RetryBudget::Options options, int active, int tries) {
  RetryBudget budget(options);
  std::vector<RetryBudget::Guard> requests;
  for (int i = 0; i < active; ++i) requests.push_back(budget.Begin());
  std::vector<RetryBudget::Guard> retries;
  for (int i = 0; i < tries; ++i) {
    if (auto retry = budget.TryRetry()) retries.push_back(*std::move(retry));
  }
  return retries.size();
}

TEST(RetryBudget, IsAPartOfTheActiveRequestsAndAtLeastThree) {
  const struct {
    int percent;
    int active;
    std::size_t most;
  } kCases[] = {
      {20, 0, 3},    {20, 15, 3}, {20, 19, 3}, {20, 20, 4},
      {20, 100, 20}, {0, 100, 3}, {100, 2, 3}, {100, 50, 50},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MostRetries({.percent = static_cast<std::uint32_t>(c.percent)}, c.active, 100),
              c.most)
        << c.percent << " % of " << c.active;
  }
}

TEST(RetryBudget, GetsARetryBackWhenItsGuardEnds) {
  RetryBudget budget({.percent = 0, .least = 1});
  std::optional<RetryBudget::Guard> retry = budget.TryRetry();
  ASSERT_TRUE(retry.has_value());
  ASSERT_FALSE(budget.TryRetry().has_value());

  retry.reset();

  EXPECT_TRUE(budget.TryRetry().has_value());
}

TEST(RetryBudget, CountsAMovedGuardOnce) {
  RetryBudget budget({.percent = 0, .least = 1});
  std::optional<RetryBudget::Guard> retry = budget.TryRetry();
  std::optional<RetryBudget::Guard> moved = std::exchange(retry, std::nullopt);
  EXPECT_FALSE(budget.TryRetry().has_value());

  moved.reset();

  std::optional<RetryBudget::Guard> next = budget.TryRetry();
  EXPECT_TRUE(next.has_value());
  EXPECT_FALSE(budget.TryRetry().has_value());
}

TEST(RetryBudget, ShrinksAsRequestsEnd) {
  RetryBudget budget({.percent = 50, .least = 0});
  std::vector<RetryBudget::Guard> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(budget.Begin());
  const std::optional<RetryBudget::Guard> one = budget.TryRetry();
  ASSERT_TRUE(one.has_value());

  requests.pop_back();
  requests.pop_back();

  EXPECT_FALSE(budget.TryRetry().has_value());
}

}  // namespace
}  // namespace chasqui::resilience
