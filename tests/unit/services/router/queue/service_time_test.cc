// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/service_time.h"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/unit/services/router/queue/queue_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

ServiceTime Measured(int requests, time::Duration held, std::uint32_t cost) {
  ServiceTime measured;
  for (int i = 0; i < requests; ++i) measured.Add(held, cost, kStart);
  return measured;
}

TEST(ServiceTime, IsNotMeasuredByAFew) {
  EXPECT_FALSE(Measured(9, 2s, 100).IsMeasured(kStart));
  EXPECT_TRUE(Measured(10, 2s, 100).IsMeasured(kStart));
}

TEST(ServiceTime, IsForgotten) {
  const ServiceTime measured = Measured(10, 2s, 100);

  EXPECT_TRUE(measured.IsMeasured(kStart + 5min));
  EXPECT_FALSE(measured.IsMeasured(kStart + 5min + 1ms));
}

TEST(ServiceTime, FollowsChanges) {
  ServiceTime measured = Measured(100, 2s, 100);
  EXPECT_DOUBLE_EQ(measured.seconds(), 2);
  EXPECT_DOUBLE_EQ(measured.seconds_per_token(), 0.02);

  for (int i = 0; i < 60; ++i) measured.Add(4s, 100, kStart);

  EXPECT_NEAR(measured.seconds(), 4, 0.1);
  EXPECT_NEAR(measured.seconds_per_token(), 0.04, 0.001);
}

// Requests of 100 tokens that take two seconds each.
TEST(EstimateWait, IsTheWorkAheadOverTheSlots) {
  const struct {
    Work before;
    std::uint32_t cost;
    std::uint32_t slots;
    std::chrono::milliseconds start;
    std::chrono::milliseconds finish;
  } kCases[] = {
      {{0, 0}, 100, 1, 2000ms, 4000ms},     {{0, 0}, 100, 4, 500ms, 2500ms},
      {{10, 1000}, 100, 4, 5500ms, 7500ms}, {{10, 1000}, 1000, 4, 5500ms, 25'500ms},
      {{1, 1000}, 100, 4, 5500ms, 7500ms},
  };
  const ServiceTime measured = Measured(20, 2s, 100);
  for (const auto& c : kCases) {
    const auto estimate = EstimateWait(measured, c.before, c.cost, c.slots, kStart);

    ASSERT_TRUE(estimate.has_value());
    EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(estimate->start), c.start);
    EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(estimate->finish), c.finish);
  }
}

TEST(EstimateWait, IsNoneWhereNothingIsMeasuredOrNothingServes) {
  EXPECT_FALSE(EstimateWait(ServiceTime(), {5, 500}, 100, 4, kStart).has_value());
  EXPECT_FALSE(EstimateWait(Measured(20, 2s, 100), {5, 500}, 100, 0, kStart).has_value());
}

TEST(EstimateWait, IsFiniteWhateverItIsOf) {
  const auto estimate = EstimateWait(Measured(20, 1h, 1), {1, 1ull << 50}, 1u << 31, 1, kStart);

  ASSERT_TRUE(estimate.has_value());
  EXPECT_GE(estimate->finish, 24h);
  EXPECT_LE(estimate->finish, 24h * 366);
}

TEST(ComesTooLate, GoesByTheFinishAndBearsAnErrorOfAQuarter) {
  const WaitEstimate estimate{.start = 5s, .finish = 10s};
  const struct {
    time::SteadyTime deadline;
    bool late;
  } kCases[] = {
      {kStart + 20s, false},
      {kStart + 10s, false},
      {kStart + 8s, false},
      {kStart + 7900ms, true},
      {kStart + 1s, true},
      {kStart - 1s, true},
      {time::SteadyTime::max(), false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ComesTooLate(estimate, c.deadline, kStart), c.late)
        << (c.deadline - kStart) / 1ms << " ms";
  }
}

}  // namespace
}  // namespace chasqui::router
