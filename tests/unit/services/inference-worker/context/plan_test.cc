// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/context/plan.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using Policy = inference::v1::ContextPolicy;

TEST(PlanContext, SharesTheContext) {
  constexpr auto kError = Policy::OVERFLOW_ERROR;
  constexpr auto kTruncate = Policy::OVERFLOW_TRUNCATE_OLDEST;
  const struct {
    ContextDemand demand;
    ContextPlan plan;
  } kCases[] = {
      {{1000}, {999, 1, 1}},
      {{1000, 0, kError}, {999, 1, 1}},
      {{1000, 100}, {900, 100, 0}},
      {{1000, 100, kTruncate, Policy::RESERVE_CONSERVATIVE}, {900, 100, 0}},
      {{1000, 0, kError, Policy::RESERVE_CONSERVATIVE}, {500, 500, 0}},
      {{1000, 0, kError, Policy::RESERVE_BALANCED}, {750, 250, 0}},
      {{1000, 0, kError, Policy::RESERVE_AGGRESSIVE}, {900, 100, 0}},
      {{1000, 0, kTruncate}, {750, 250, 0}},
      {{1000, 0, kTruncate, Policy::RESERVE_AGGRESSIVE}, {900, 100, 0}},
      {{1000, 1000}, {0, 1000, 0}},
      {{1000, 5000}, {0, 5000, 0}},
      {{5, 0, kError, Policy::RESERVE_AGGRESSIVE}, {4, 1, 0}},
      {{1}, {0, 1, 1}},
  };
  for (const auto& c : kCases) {
    const ContextPlan plan = PlanContext(c.demand);
    EXPECT_EQ(plan, c.plan) << c.demand.context_tokens << ", " << c.demand.max_tokens << ", "
                            << c.demand.overflow << ", " << c.demand.reserve << ": "
                            << plan.prompt_tokens << " + " << plan.output_tokens;
  }
}

}  // namespace
}  // namespace chasqui::worker
