// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <algorithm>

namespace chasqui::worker {
namespace {

// A step with prompts may take this many times one without.
constexpr double kLeastStretch = 4;
// What prompts that wait behind the oldest add to a step, at most.
constexpr std::uint32_t kMostPatience = 4;
// A step this many times as long as one that computes a single token is as good as a longer one: of
// its time an eighth is what every step costs.
constexpr double kEfficientStretch = 8;
// A budget may be exceeded so far to finish a prompt.
constexpr double kRest = 1.5;

// The longest step that several prompts share.
double SharedStep(const BudgetQuestion& question, double longest) {
  return question.decode_seconds > 0
             ? std::min(longest, kEfficientStretch * question.decode_seconds)
             : longest;
}

double WhileOthersGenerate(const BudgetQuestion& question) {
  const double alone = std::max(question.target_seconds, kLeastStretch * question.decode_seconds);
  const auto tokens_in = [&](double seconds) {
    return (seconds - question.decode_seconds) / question.seconds_per_prompt_token;
  };
  const double patient = tokens_in(alone * std::clamp(question.prompts, 1U, kMostPatience));
  const double oldest = question.oldest_tokens;
  return std::max(oldest <= kRest * patient ? oldest : patient,
                  tokens_in(SharedStep(question, alone)));
}

double WhileNobodyGenerates(const BudgetQuestion& question) {
  const double micro_batch = question.micro_batch_tokens;
  if (question.prompts < 2) return micro_batch;
  const double shared =
      SharedStep(question, question.target_seconds) / question.seconds_per_prompt_token;
  return std::min(micro_batch, std::max<double>(shared, question.oldest_tokens));
}

}  // namespace

std::uint32_t PromptBudget(const BudgetQuestion& question) {
  double tokens = question.generating == 0 ? question.micro_batch_tokens : question.most_tokens;
  if (question.target_seconds > 0 && question.seconds_per_prompt_token > 0) {
    tokens =
        question.generating == 0 ? WhileNobodyGenerates(question) : WhileOthersGenerate(question);
  }
  const double most = std::max(kLeastChunk, question.most_tokens);
  return static_cast<std::uint32_t>(std::clamp<double>(tokens, kLeastChunk, most));
}

}  // namespace chasqui::worker
