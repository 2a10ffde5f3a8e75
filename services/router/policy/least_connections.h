// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "services/router/policy/policy.h"
#include "services/router/policy/relative_load.h"
#include "services/router/policy/rotation.h"

namespace chasqui::router {

// The worker that would have the fewest requests for its capacity with this one added: see
// RelativeLoad. Of equals the one whose turn it is.
class LeastConnectionsPolicy final : public BalancingPolicy {
 public:
  Choice Choose(std::span<const Candidate> candidates, PrefixHashes) override {
    return {.index = Pick(candidates), .reason = PickReason::kLeastLoaded};
  }

  std::size_t Pick(std::span<const Candidate> candidates);

  // The two halves of Pick, for policies that prefer another now and then.
  std::size_t Least(std::span<const Candidate> candidates, const RelativeLoad& load_of) const;
  void Chose(const Candidate& candidate) { rotation_.Chose(candidate.order); }

 private:
  Rotation rotation_;
};

}  // namespace chasqui::router
