// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/policy.h"

#include <utility>

#include "services/router/policy/least_connections.h"
#include "services/router/policy/random_of_two.h"
#include "services/router/policy/round_robin.h"

namespace chasqui::router {

std::unique_ptr<BalancingPolicy> MakePolicy(config::v1::BalancingPolicy kind, RandomSource random) {
  switch (kind) {
    case config::v1::BALANCING_POLICY_ROUND_ROBIN:
      return std::make_unique<RoundRobinPolicy>();
    case config::v1::BALANCING_POLICY_RANDOM_OF_TWO:
      return std::make_unique<RandomOfTwoPolicy>(std::move(random));
    default:
      return std::make_unique<LeastConnectionsPolicy>();
  }
}

}  // namespace chasqui::router
