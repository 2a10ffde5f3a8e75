// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/backoff.h"

#include <algorithm>
#include <chrono>

namespace chasqui::resilience {

time::Duration Backoff::NextDelay(double random) {
  const auto current = next_;
  const auto grown = std::chrono::duration<double>(current) * options_.multiplier;
  next_ = std::min(options_.maximum, std::chrono::duration_cast<time::Duration>(grown));
  return std::chrono::duration_cast<time::Duration>(current * (0.5 + 0.5 * random));
}

}  // namespace chasqui::resilience
