// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/completion_rate.h"

#include <chrono>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr time::SteadyTime kStart{1h};

TEST(CompletionRate, IsZeroBeforeAnyEnded) { EXPECT_EQ(CompletionRate().PerSecond(kStart), 0); }

TEST(CompletionRate, IsRightFromTheFirstSecondsOn) {
  CompletionRate rate;
  for (int i = 0; i < 50; ++i) rate.Add(kStart + i * 100ms);

  EXPECT_NEAR(rate.PerSecond(kStart + 5s), 10, 1);
}

TEST(CompletionRate, IsRightAfterALongTime) {
  CompletionRate rate;
  for (int i = 0; i < 3000; ++i) rate.Add(kStart + i * 100ms);

  EXPECT_NEAR(rate.PerSecond(kStart + 300s), 10, 0.5);
}

TEST(CompletionRate, ForgetsWhenNothingEnds) {
  CompletionRate rate;
  for (int i = 0; i < 300; ++i) rate.Add(kStart + i * 100ms);

  EXPECT_LT(rate.PerSecond(kStart + 30s + 90s), 1);
}

TEST(EstimateRetryDelay, IsTheTimeToServeThoseWhoWait) {
  EXPECT_EQ(EstimateRetryDelay(100, 20, 1s), 5s);
}

TEST(EstimateRetryDelay, IsAtLeastTheConfigured) {
  EXPECT_EQ(EstimateRetryDelay(1, 20, 1s), 1s);
  EXPECT_EQ(EstimateRetryDelay(100, 0, 1s), 1s);
}

TEST(EstimateRetryDelay, IsAtMostFiveMinutes) {
  EXPECT_EQ(EstimateRetryDelay(1'000'000, 0.001, 1s), 5min);
}

}  // namespace
}  // namespace chasqui::router
