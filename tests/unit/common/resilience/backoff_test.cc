// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/backoff.h"

#include <chrono>

#include "gtest/gtest.h"

namespace chasqui::resilience {
namespace {

using namespace std::chrono_literals;

constexpr BackoffOptions kDoubling{.initial = 100ms, .maximum = 500ms, .multiplier = 2};

TEST(Backoff, GrowsToItsMaximum) {
  Backoff backoff(kDoubling);

  EXPECT_EQ(backoff.NextDelay(1), 100ms);
  EXPECT_EQ(backoff.NextDelay(1), 200ms);
  EXPECT_EQ(backoff.NextDelay(1), 400ms);
  EXPECT_EQ(backoff.NextDelay(1), 500ms);
  EXPECT_EQ(backoff.NextDelay(1), 500ms);
}

TEST(Backoff, DrawsFromTheUpperHalf) {
  Backoff backoff(kDoubling);

  EXPECT_EQ(backoff.NextDelay(0), 50ms);
  EXPECT_EQ(backoff.NextDelay(0.5), 150ms);
}

TEST(Backoff, StartsAgainAfterASuccess) {
  Backoff backoff(kDoubling);
  (void)backoff.NextDelay(1);
  (void)backoff.NextDelay(1);

  backoff.Reset();

  EXPECT_EQ(backoff.NextDelay(1), 100ms);
}

}  // namespace
}  // namespace chasqui::resilience
