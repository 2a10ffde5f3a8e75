// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "services/router/policy/policy.h"

namespace chasqui::router {

// The one with fewer requests for its slots, of two different ones drawn at random (Mitzenmacher,
// "The power of two choices in randomized load balancing", 2001). With many routers and old reports
// it does not herd; with few workers least connections spreads better.
class RandomOfTwoPolicy final : public BalancingPolicy {
 public:
  explicit RandomOfTwoPolicy(RandomSource random) : random_(std::move(random)) {}

  Choice Choose(std::span<const Candidate> candidates, PrefixHashes) override {
    return {.index = Pick(candidates), .reason = PickReason::kDrawn};
  }

  std::size_t Pick(std::span<const Candidate> candidates);

 private:
  RandomSource random_;
};

}  // namespace chasqui::router
