// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "services/router/policy/policy.h"
#include "services/router/policy/rotation.h"

namespace chasqui::router {

// One after the other, in the order in which they joined, whatever they are doing. Those that warm
// up let turns pass: one that is half as warm as the warmest takes every second.
class RoundRobinPolicy final : public BalancingPolicy {
 public:
  Choice Choose(std::span<const Candidate> candidates, PrefixHashes) override {
    return {.index = Pick(candidates), .reason = PickReason::kTurn};
  }

  std::size_t Pick(std::span<const Candidate> candidates);

 private:
  std::size_t First(std::span<const Candidate> candidates) const;
  std::size_t FirstByWarmth(std::span<const Candidate> candidates, double warmest);
  bool TakesTurn(const Candidate& candidate, double warmest);

  Rotation rotation_;
  // Parts of turns that those who warm up have let pass, below 1, by order.
  absl::flat_hash_map<std::uint64_t, double> passed_;
};

}  // namespace chasqui::router
