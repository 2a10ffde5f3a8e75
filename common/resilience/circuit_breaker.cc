// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/circuit_breaker.h"

#include <algorithm>

namespace chasqui::resilience {

bool CircuitBreaker::Failed(time::SteadyTime now) {
  // Requests that ran when it was ejected say nothing new.
  if (options_.failures == 0 || Ejects(now)) return false;
  if (++failures_ < options_.failures) return false;
  if (ejections_ > 0 && now - until_ >= options_.max_ejection) ejections_ = 0;
  ++ejections_;
  until_ = now + std::min(options_.base_ejection * ejections_, options_.max_ejection);
  failures_ = options_.failures - 1;
  return true;
}

}  // namespace chasqui::resilience
