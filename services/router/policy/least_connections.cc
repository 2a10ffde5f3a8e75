// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/least_connections.h"

#include "services/router/policy/relative_load.h"

namespace chasqui::router {

std::size_t LeastConnectionsPolicy::Pick(std::span<const Candidate> candidates) {
  const std::size_t best = Least(candidates, RelativeLoad(candidates));
  Chose(candidates[best]);
  return best;
}

std::size_t LeastConnectionsPolicy::Least(std::span<const Candidate> candidates,
                                          const RelativeLoad& load_of) const {
  std::size_t best = 0;
  double best_load = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double load = load_of(candidates[i]);
    const bool better = i == 0 || load < best_load ||
                        (load == best_load && rotation_.TurnOf(candidates[i].order) <
                                                  rotation_.TurnOf(candidates[best].order));
    if (!better) continue;
    best = i;
    best_load = load;
  }
  return best;
}

}  // namespace chasqui::router
