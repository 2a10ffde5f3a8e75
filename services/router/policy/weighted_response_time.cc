// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/weighted_response_time.h"

namespace chasqui::router {
namespace {

// How finely a draw divides the sum of all weights; a double holds it exactly.
constexpr std::size_t kDraws = std::size_t{1} << 32;

// 0 when none has been measured.
double Quickest(std::span<const Candidate> candidates) {
  double quickest = 0;
  for (const Candidate& candidate : candidates) {
    const double seconds = candidate.response_seconds;
    if (seconds > 0 && (quickest == 0 || seconds < quickest)) quickest = seconds;
  }
  return quickest;
}

double Weight(const Candidate& candidate, double quickest) {
  // What takes no slot is also sent to workers that have none free.
  const double slots = candidate.slots > candidate.load ? candidate.slots - candidate.load : 1;
  const double free = slots * candidate.warmth;
  return candidate.response_seconds > 0 ? free * quickest / candidate.response_seconds : free;
}

}  // namespace

std::size_t WeightedResponseTimePolicy::Pick(std::span<const Candidate> candidates) {
  if (candidates.size() == 1) return 0;
  const double quickest = Quickest(candidates);
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += Weight(candidate, quickest);
  double left = sum * static_cast<double>(random_(kDraws)) / static_cast<double>(kDraws);
  for (std::size_t i = 0; i + 1 < candidates.size(); ++i) {
    left -= Weight(candidates[i], quickest);
    if (left < 0) return i;
  }
  return candidates.size() - 1;
}

}  // namespace chasqui::router
