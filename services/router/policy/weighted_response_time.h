// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "services/router/policy/policy.h"

namespace chasqui::router {

// One drawn at random, each with a weight of free slots / response time: twice as quick is twice as
// likely. One that has not been measured counts as the quickest that has. Because every worker is
// drawn now and then, none is judged by an old measurement for good.
class WeightedResponseTimePolicy final : public BalancingPolicy {
 public:
  explicit WeightedResponseTimePolicy(RandomSource random) : random_(std::move(random)) {}

  Choice Choose(std::span<const Candidate> candidates, PrefixHashes) override {
    return {.index = Pick(candidates), .reason = PickReason::kDrawn};
  }

  std::size_t Pick(std::span<const Candidate> candidates);

 private:
  RandomSource random_;
};

}  // namespace chasqui::router
