// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/random_of_two.h"

namespace chasqui::router {
namespace {

double LoadWithOneMore(const Candidate& candidate) {
  return (candidate.load + 1.0) / (candidate.slots * candidate.warmth);
}

}  // namespace

std::size_t RandomOfTwoPolicy::Pick(std::span<const Candidate> candidates) {
  if (candidates.size() == 1) return 0;
  const std::size_t first = random_(candidates.size());
  // Drawn from one fewer and moved past the first, so that the two differ.
  std::size_t second = random_(candidates.size() - 1);
  if (second >= first) ++second;
  return LoadWithOneMore(candidates[second]) < LoadWithOneMore(candidates[first]) ? second : first;
}

}  // namespace chasqui::router
