// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time/clock.h"

namespace chasqui::resilience {

struct BackoffOptions {
  time::Duration initial = std::chrono::milliseconds(200);
  time::Duration maximum = std::chrono::seconds(10);
  double multiplier = 1.6;
};

// How long to wait before the next attempt: grows with each failure from `initial` to `maximum`,
// and is drawn from the upper half of that, so that many who failed together do not come back
// together. Thread-compatible.
class Backoff {
 public:
  explicit Backoff(BackoffOptions options = {}) : options_(options), next_(options.initial) {}

  // The wait after one more failure. `random` is from 0 to 1.
  time::Duration NextDelay(double random);

  // After a success: starts again from `initial`.
  void Reset() { next_ = options_.initial; }

 private:
  BackoffOptions options_;
  time::Duration next_;
};

}  // namespace chasqui::resilience
