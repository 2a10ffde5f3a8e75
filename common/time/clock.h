// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace chasqui::time {

// For intervals, timeouts and deadlines.
using SteadyTime = std::chrono::steady_clock::time_point;
// For what people and other machines read; only at the edges.
using SystemTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// Where the time comes from, so that tests can own it. Given by reference to whatever needs time;
// outlives its users. Thread-safe. The fake is tests/support/fake_clock.h.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual SteadyTime SteadyNow() const = 0;
  virtual SystemTime SystemNow() const = 0;
};

// The machine's clocks; lives as long as the process.
const Clock& RealClock();

// The machine's steady clock, for code that must not be faked (event loops, measurements).
SteadyTime SteadyNow();

}  // namespace chasqui::time
