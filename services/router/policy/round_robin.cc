// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/round_robin.h"

namespace chasqui::router {

std::size_t RoundRobinPolicy::Pick(std::span<const Candidate> candidates) {
  std::size_t next = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (rotation_.TurnOf(candidates[i].order) < rotation_.TurnOf(candidates[next].order)) next = i;
  }
  rotation_.Chose(candidates[next].order);
  return next;
}

}  // namespace chasqui::router
