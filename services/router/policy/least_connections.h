// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "services/router/policy/policy.h"
#include "services/router/policy/rotation.h"

namespace chasqui::router {

// The worker that would have the fewest requests for its capacity with this one added. Capacity is
// slots times relative speed; speed is tokens a second for each slot, and counts only when all
// candidates have measured theirs. Workers less than twice slower than the fastest count as equally
// fast: so much do measurements of equal machines differ, and equal workers must share equally.
// Of equals the one whose turn it is.
class LeastConnectionsPolicy final : public BalancingPolicy {
 public:
  std::size_t Pick(std::span<const Candidate> candidates) override;

 private:
  Rotation rotation_;
};

}  // namespace chasqui::router
