// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/time/clock.h"

namespace chasqui::resilience {

// When what fails is ejected, and for how long. The defaults are Envoy's (outlier detection by
// consecutive failures).
struct CircuitBreakerOptions {
  // Failures in a row that eject it; 0: none do.
  int failures = 5;
  // The first ejection, and by how much each that follows soon is longer.
  time::Duration base_ejection = std::chrono::seconds(30);
  // The longest; at least base_ejection. One that follows later than this counts as the first.
  time::Duration max_ejection = std::chrono::minutes(5);
};

// Whether something (a worker, a service, a store) fails so often that it is left alone for a
// while. When it is back one more failure ejects it again, until it has answered. Reads no clock.
// Thread-compatible.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(const CircuitBreakerOptions& options = {}) : options_(options) {}

  // It could not be reached, or failed by its own fault. What those who ask did wrong does not
  // count. Whether that ejected it.
  bool Failed(time::SteadyTime now);
  // It answered.
  void Succeeded() { failures_ = 0; }

  bool Ejects(time::SteadyTime now) const { return ejections_ > 0 && now < until_; }
  // When the last ejection ended or will end; the clock's zero: there was none.
  time::SteadyTime back_at() const { return until_; }

 private:
  CircuitBreakerOptions options_;
  int failures_ = 0;  // in a row
  int ejections_ = 0;
  time::SteadyTime until_;  // end of the last ejection
};

}  // namespace chasqui::resilience
