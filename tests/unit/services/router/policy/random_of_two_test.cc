// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/random_of_two.h"

#include <cstddef>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

// Draws the given numbers, in turn.
RandomSource Draws(std::deque<std::size_t> numbers) {
  return [numbers = std::move(numbers)](std::size_t) mutable {
    const std::size_t number = numbers.front();
    numbers.pop_front();
    return number;
  };
}

const std::vector<Candidate> kWorkers = {{.order = 0, .load = 5, .slots = 8},
                                         {.order = 1, .load = 1, .slots = 8},
                                         {.order = 2, .load = 3, .slots = 8}};

TEST(RandomOfTwoPolicy, PicksTheOneWithFewerForItsSlots) {
  RandomOfTwoPolicy policy(Draws({0, 1}));  // the first, and of the others the second

  EXPECT_EQ(policy.Pick(kWorkers), 2u);
}

TEST(RandomOfTwoPolicy, NeverComparesAWorkerWithItself) {
  RandomOfTwoPolicy policy(Draws({0, 0}));

  EXPECT_EQ(policy.Pick(kWorkers), 1u);
}

TEST(RandomOfTwoPolicy, PicksTheOnlyOneWithoutDrawing) {
  RandomOfTwoPolicy policy(Draws({}));

  EXPECT_EQ(policy.Pick(std::vector<Candidate>{{.order = 9}}), 0u);
}

TEST(RandomOfTwoPolicy, NeverPicksTheBusiestOfThree) {
  std::mt19937 generator(7);
  RandomOfTwoPolicy policy([&](std::size_t bound) { return generator() % bound; });

  for (int i = 0; i < 1000; ++i) EXPECT_NE(policy.Pick(kWorkers), 0u);
}

TEST(RandomOfTwoPolicy, IsTheSameForTheSameSeed) {
  std::mt19937 generator(7);
  std::mt19937 same(7);
  RandomOfTwoPolicy one([&](std::size_t bound) { return generator() % bound; });
  RandomOfTwoPolicy other([&](std::size_t bound) { return same() % bound; });

  for (int i = 0; i < 1000; ++i) ASSERT_EQ(one.Pick(kWorkers), other.Pick(kWorkers));
}

}  // namespace
}  // namespace chasqui::router
