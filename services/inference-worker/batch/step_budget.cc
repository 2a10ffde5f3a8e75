// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <algorithm>

namespace chasqui::worker {

std::uint32_t PromptBudget(const BudgetQuestion& question) {
  // A step that nothing else waits for is worth this many times one without prompts.
  constexpr double kLeastStretch = 3;
  const StepCosts& costs = question.costs;
  if (question.generating == 0)
    return std::max(kLeastChunk, std::min(question.micro_batch_tokens, question.most_tokens));
  if (question.target_seconds <= 0 || costs.seconds_per_prompt_token <= 0)
    return std::max(kLeastChunk, question.most_tokens);

  const double pressure =
      std::max(1.0, static_cast<double>(question.prompts) / question.generating);
  const double step =
      std::max(question.target_seconds * pressure, kLeastStretch * costs.decode_seconds);
  const double tokens = (step - costs.decode_seconds) / costs.seconds_per_prompt_token;
  const auto most = static_cast<double>(question.most_tokens);
  return std::max(kLeastChunk, static_cast<std::uint32_t>(std::clamp(tokens, 0.0, most)));
}

}  // namespace chasqui::worker
