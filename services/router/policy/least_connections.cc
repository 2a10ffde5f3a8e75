// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/least_connections.h"

#include <algorithm>

namespace chasqui::router {
namespace {

constexpr double kEquallyFast = 0.5;

double SlotSpeed(const Candidate& candidate) {
  return candidate.tokens_per_second / candidate.slots;
}

// Speed of the fastest slot; 0 when any candidate has not measured its own.
double FastestSlot(std::span<const Candidate> candidates) {
  double fastest = 0;
  for (const Candidate& candidate : candidates) {
    const double speed = SlotSpeed(candidate);
    if (!(speed > 0)) return 0;
    fastest = std::max(fastest, speed);
  }
  return fastest;
}

double Capacity(const Candidate& candidate, double fastest) {
  if (fastest == 0) return candidate.slots;
  const double relative = SlotSpeed(candidate) / fastest;
  return relative > kEquallyFast ? candidate.slots : candidate.slots * relative;
}

}  // namespace

std::size_t LeastConnectionsPolicy::Pick(std::span<const Candidate> candidates) {
  const double fastest = FastestSlot(candidates);
  std::size_t best = 0;
  double best_load = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double load = (candidates[i].load + 1.0) / Capacity(candidates[i], fastest);
    const bool better = i == 0 || load < best_load ||
                        (load == best_load && rotation_.TurnOf(candidates[i].order) <
                                                  rotation_.TurnOf(candidates[best].order));
    if (!better) continue;
    best = i;
    best_load = load;
  }
  rotation_.Chose(candidates[best].order);
  return best;
}

}  // namespace chasqui::router
