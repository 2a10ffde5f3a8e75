// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/context/plan.h"

#include <algorithm>

namespace chasqui::worker {
namespace {

using inference::v1::ContextPolicy;

constexpr std::uint32_t kMarginTokens = 1;

std::uint32_t Reserved(ContextPolicy::Reserve reserve, std::uint32_t context_tokens) {
  switch (reserve) {
    case ContextPolicy::RESERVE_CONSERVATIVE:
      return context_tokens / 2;
    case ContextPolicy::RESERVE_AGGRESSIVE:
      return context_tokens / 10;
    default:
      return context_tokens / 4;
  }
}

}  // namespace

ContextPlan PlanContext(const ContextDemand& demand) {
  ContextPlan plan;
  const bool reserves = demand.reserve != ContextPolicy::RESERVE_UNSPECIFIED ||
                        demand.overflow == ContextPolicy::OVERFLOW_TRUNCATE_OLDEST;
  if (demand.max_tokens > 0) {
    plan.output_tokens = demand.max_tokens;
  } else if (reserves) {
    plan.output_tokens = std::max(Reserved(demand.reserve, demand.context_tokens), kMarginTokens);
  } else {
    plan.output_tokens = plan.margin_tokens = kMarginTokens;
  }
  if (plan.output_tokens < demand.context_tokens)
    plan.prompt_tokens = demand.context_tokens - plan.output_tokens;
  return plan;
}

}  // namespace chasqui::worker
