// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <algorithm>

namespace chasqui::worker {
namespace {

// A step with prompts may take this many times one without.
constexpr double kLeastStretch = 4;
// What prompts that wait behind the oldest add to a step, at most.
constexpr std::uint32_t kMostPatience = 4;
// A step this many times as long as what every step costs is as good as a longer one.
constexpr double kEfficientStretch = 4;
// A budget may be exceeded so far to finish a prompt.
constexpr double kRest = 1.5;

double WhileOthersGenerate(const BudgetQuestion& question) {
  const double decoding = question.costs.decode_seconds(question.generating);
  const double alone = std::max(question.target_seconds, kLeastStretch * decoding);
  const double patient = alone * std::clamp(question.prompts, 1U, kMostPatience);
  const double efficient = kEfficientStretch * (decoding + question.costs.decode_seconds(1));
  const double oldest = question.oldest_tokens;
  const double for_oldest = question.costs.prompt_tokens(patient - decoding);
  const double shared = std::min(patient, efficient);
  return std::max(oldest <= kRest * for_oldest ? oldest : for_oldest,
                  question.costs.prompt_tokens(shared - decoding));
}

double WhileNobodyGenerates(const BudgetQuestion& question) {
  const double micro_batch = question.micro_batch_tokens;
  if (question.prompts < 2) return micro_batch;
  const double efficient = kEfficientStretch * 2 * question.costs.decode_seconds(1);
  return std::clamp<double>(question.oldest_tokens,
                            std::min(micro_batch, question.costs.prompt_tokens(efficient)),
                            micro_batch);
}

}  // namespace

std::uint32_t PromptBudget(const BudgetQuestion& question) {
  double tokens = question.generating == 0 ? question.micro_batch_tokens : question.most_tokens;
  if (question.target_seconds > 0 && question.costs.seconds_per_prompt_token() > 0) {
    tokens =
        question.generating == 0 ? WhileNobodyGenerates(question) : WhileOthersGenerate(question);
  }
  const double most = std::max(kLeastChunk, question.most_tokens);
  return static_cast<std::uint32_t>(std::clamp<double>(tokens, kLeastChunk, most));
}

}  // namespace chasqui::worker
