// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/time/clock.h"

namespace chasqui::router {

// Whether a worker fails so often that it is left alone for a while, though it says that it is
// ready: its reports may come through where calls to it do not. Five failures in a row eject it,
// for 30 s the first time, 30 s longer each time that follows within five minutes, at most five
// minutes. When it is back one more failure ejects it again, until it has answered a request. Reads
// no clock. Thread-compatible.
class CircuitBreaker {
 public:
  static constexpr int kFailures = 5;
  static constexpr time::Duration kStep = std::chrono::seconds(30);
  static constexpr time::Duration kLongest = std::chrono::minutes(5);

  // It could not be reached, or failed by its own fault. What clients did wrong does not count.
  void Failed(time::SteadyTime now);
  // It answered a request.
  void Succeeded() { failures_ = 0; }

  bool Ejects(time::SteadyTime now) const { return ejections_ > 0 && now < until_; }

 private:
  int failures_ = 0;  // in a row
  int ejections_ = 0;
  time::SteadyTime until_;  // end of the last ejection
};

}  // namespace chasqui::router
