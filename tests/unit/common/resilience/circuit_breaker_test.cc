// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/circuit_breaker.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::resilience {
namespace {

using namespace std::chrono_literals;

// Counted from some instant.
time::SteadyTime At(std::chrono::milliseconds since) {
  return time::SteadyTime(std::chrono::hours(1)) + since;
}

struct Event {
  std::chrono::seconds at;
  char what;  // 'f': failed, 's': succeeded
};

struct Case {
  std::string name;
  std::vector<Event> events;
  // A moment at which it is ejected, and the first at which it is not again; 0: never ejected.
  std::chrono::seconds ejected;
  std::chrono::seconds back;
  CircuitBreakerOptions options = {};
};

std::vector<Event> Failures(std::vector<std::chrono::seconds> times) {
  std::vector<Event> events;
  for (const auto at : times) events.push_back({at, 'f'});
  return events;
}

class CircuitBreakerTable : public ::testing::TestWithParam<Case> {};

TEST_P(CircuitBreakerTable, Ejects) {
  CircuitBreaker breaker(GetParam().options);

  for (const Event& event : GetParam().events) {
    if (event.what == 'f') breaker.Failed(At(event.at));
    if (event.what == 's') breaker.Succeeded();
  }

  const bool ever = GetParam().back > 0s;
  EXPECT_EQ(breaker.Ejects(At(GetParam().ejected)), ever);
  if (ever) {
    EXPECT_TRUE(breaker.Ejects(At(GetParam().back - 1ms)));
    EXPECT_FALSE(breaker.Ejects(At(GetParam().back)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, CircuitBreakerTable,
    ::testing::Values(
        Case{"NotAtFirst", {}, 0s, 0s},
        Case{"NotForFourFailures", Failures({0s, 1s, 2s, 3s}), 3s, 0s},
        Case{"ForFiveInARow", Failures({0s, 1s, 2s, 3s, 4s}), 4s, 34s},
        Case{"NotWhenOneSucceededBetween",
             {{0s, 'f'}, {1s, 'f'}, {2s, 'f'}, {3s, 'f'}, {4s, 's'}, {5s, 'f'}},
             5s,
             0s},
        Case{"NotLongerForFailuresMeanwhile",
             Failures({0s, 1s, 2s, 3s, 4s, 5s, 6s, 7s, 8s, 9s, 10s}), 11s, 34s},
        Case{"AgainForOneFailureWhenBackAndLonger", Failures({0s, 1s, 2s, 3s, 4s, 40s}), 40s, 100s},
        Case{"NotForOneFailureOnceItSucceeded",
             {{0s, 'f'}, {1s, 'f'}, {2s, 'f'}, {3s, 'f'}, {4s, 'f'}, {40s, 's'}, {41s, 'f'}},
             41s,
             0s},
        Case{"ForFiveMinutesAtMost",
             Failures({0s, 0s, 0s, 0s, 0s, 100s, 200s, 300s, 500s, 700s, 900s, 1150s, 1450s, 1750s,
                       2050s}),
             2050s, 2350s},
        Case{"ShortlyWhenTheLastTimeIsLongAgo", Failures({0s, 0s, 0s, 0s, 0s, 330s}), 330s, 360s},
        Case{"ForAsManyAsConfigured", Failures({0s, 1s}), 1s, 31s, {.failures = 2}},
        Case{"ForTheFirstWhenOneIsEnough", Failures({0s}), 0s, 30s, {.failures = 1}},
        Case{"NeverWhenOff", Failures(std::vector(100, 0s)), 0s, 0s, {.failures = 0}},
        Case{"ForAsLongAsConfigured",
             Failures({0s, 10s, 30s, 59s}),
             59s,
             74s,
             {.failures = 1, .base_ejection = 5s, .max_ejection = 15s}}),
    [](const auto& test) { return test.param.name; });

TEST(CircuitBreaker, SaysWhichFailureEjects) {
  CircuitBreaker breaker({.failures = 2});

  EXPECT_FALSE(breaker.Failed(At(0s)));
  EXPECT_TRUE(breaker.Failed(At(1s)));
  EXPECT_FALSE(breaker.Failed(At(2s))) << "it is ejected already";
  EXPECT_EQ(breaker.back_at(), At(31s));
}

}  // namespace
}  // namespace chasqui::resilience
