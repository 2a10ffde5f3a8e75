// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "services/router/policy/policy.h"
#include "services/router/policy/rotation.h"

namespace chasqui::router {

// One after the other, in the order in which they joined, whatever they are doing.
class RoundRobinPolicy final : public BalancingPolicy {
 public:
  Choice Choose(std::span<const Candidate> candidates, PrefixHashes) override {
    return {.index = Pick(candidates), .reason = PickReason::kTurn};
  }

  std::size_t Pick(std::span<const Candidate> candidates);

 private:
  Rotation rotation_;
};

}  // namespace chasqui::router
