// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/circuit_breaker.h"

#include <algorithm>

namespace chasqui::router {

void CircuitBreaker::Failed(time::SteadyTime now) {
  // Requests that ran when it was ejected say nothing new.
  if (Ejects(now)) return;
  if (++failures_ < kFailures) return;
  if (ejections_ > 0 && now - until_ >= kLongest) ejections_ = 0;
  ++ejections_;
  until_ = now + std::min(kStep * ejections_, kLongest);
  failures_ = kFailures - 1;
}

}  // namespace chasqui::router
