// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "common/time/clock.h"

namespace chasqui::router {

// The least that a worker's capacity counts for while it warms up.
inline constexpr double kLeastWarmth = 0.1;

// What part of its capacity a worker counts for that takes requests since `age`, when it is to get
// its whole share after `window`: Envoy's slow start with an aggression of 1,
// max(10 %, age / window). `window` of zero: all of it at once.
inline double WarmthOf(time::Duration age, time::Duration window) {
  if (age >= window) return 1;
  const auto part = std::chrono::duration<double>(age) / std::chrono::duration<double>(window);
  return std::max(kLeastWarmth, part);
}

}  // namespace chasqui::router
