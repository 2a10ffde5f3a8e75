// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/policy.h"

#include <utility>

#include "services/router/policy/least_connections.h"
#include "services/router/policy/prefix_affinity.h"
#include "services/router/policy/random_of_two.h"
#include "services/router/policy/round_robin.h"
#include "services/router/policy/weighted_response_time.h"

namespace chasqui::router {

std::unique_ptr<BalancingPolicy> MakePolicy(const config::v1::BalancingConfig& config,
                                            RandomSource random) {
  switch (config.policy()) {
    case config::v1::BALANCING_POLICY_ROUND_ROBIN:
      return std::make_unique<RoundRobinPolicy>();
    case config::v1::BALANCING_POLICY_RANDOM_OF_TWO:
      return std::make_unique<RandomOfTwoPolicy>(std::move(random));
    case config::v1::BALANCING_POLICY_PREFIX_AFFINITY:
      return std::make_unique<PrefixAffinityPolicy>(PrefixAffinityPolicy::Options{
          .load_margin = config.prefix_affinity().load_margin_percent() / 100.0,
          .table_entries = config.prefix_affinity().table_entries()});
    case config::v1::BALANCING_POLICY_WEIGHTED_RESPONSE_TIME:
      return std::make_unique<WeightedResponseTimePolicy>(std::move(random));
    default:
      return std::make_unique<LeastConnectionsPolicy>();
  }
}

std::string_view PolicyName(config::v1::BalancingPolicy kind) {
  switch (kind) {
    case config::v1::BALANCING_POLICY_ROUND_ROBIN:
      return "round_robin";
    case config::v1::BALANCING_POLICY_RANDOM_OF_TWO:
      return "random_of_two";
    case config::v1::BALANCING_POLICY_PREFIX_AFFINITY:
      return "prefix_affinity";
    case config::v1::BALANCING_POLICY_WEIGHTED_RESPONSE_TIME:
      return "weighted_response_time";
    default:
      return "least_connections";
  }
}

std::string_view ReasonName(PickReason reason) {
  switch (reason) {
    case PickReason::kLeastLoaded:
      return "least_loaded";
    case PickReason::kTurn:
      return "turn";
    case PickReason::kDrawn:
      return "drawn";
    case PickReason::kPrefixHit:
      return "prefix_hit";
    case PickReason::kPrefixBusy:
      return "prefix_busy";
    case PickReason::kPrefixUnknown:
      return "prefix_unknown";
  }
  return "";
}

}  // namespace chasqui::router
