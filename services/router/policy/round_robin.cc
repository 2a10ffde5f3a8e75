// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/round_robin.h"

#include <algorithm>
#include <numeric>

#include "absl/container/inlined_vector.h"

namespace chasqui::router {

std::size_t RoundRobinPolicy::Pick(std::span<const Candidate> candidates) {
  const auto [coldest, warmest] = std::ranges::minmax(candidates, {}, &Candidate::warmth);
  std::size_t next = 0;
  if (coldest.warmth == warmest.warmth) {
    passed_.clear();
    next = First(candidates);
  } else {
    next = FirstByWarmth(candidates, warmest.warmth);
  }
  rotation_.Chose(candidates[next].order);
  return next;
}

std::size_t RoundRobinPolicy::First(std::span<const Candidate> candidates) const {
  std::size_t next = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (rotation_.TurnOf(candidates[i].order) < rotation_.TurnOf(candidates[next].order)) next = i;
  }
  return next;
}

std::size_t RoundRobinPolicy::FirstByWarmth(std::span<const Candidate> candidates, double warmest) {
  // Of workers that have left; so much is known again after a few turns.
  if (passed_.size() > candidates.size()) passed_.clear();
  absl::InlinedVector<std::size_t, 16> turns(candidates.size());
  std::iota(turns.begin(), turns.end(), 0);
  std::ranges::sort(turns, {},
                    [&](std::size_t i) { return rotation_.TurnOf(candidates[i].order); });
  // The warmest takes its turn, so one is found.
  return *std::ranges::find_if(turns,
                               [&](std::size_t i) { return TakesTurn(candidates[i], warmest); });
}

bool RoundRobinPolicy::TakesTurn(const Candidate& candidate, double warmest) {
  if (candidate.warmth >= warmest) return true;
  double& passed = passed_[candidate.order];
  passed += candidate.warmth / warmest;
  if (passed < 1) return false;
  passed -= 1;
  return true;
}

}  // namespace chasqui::router
