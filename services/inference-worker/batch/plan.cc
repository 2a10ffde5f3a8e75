// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/plan.h"

#include <algorithm>

namespace chasqui::worker {

std::vector<StepPart> PlanStep(std::span<const SequenceView> sequences, const StepLimits& limits) {
  std::vector<StepPart> parts;
  std::vector<const SequenceView*> prompts;
  std::uint32_t left = limits.batch_tokens;
  for (const auto& sequence : sequences) {
    if (sequence.paused) continue;
    if (sequence.prompt_tokens_left > 0) {
      prompts.push_back(&sequence);
    } else if (left > 0) {
      parts.push_back({sequence.seat, 1, true});
      --left;
    }
  }
  left = std::min(left, limits.prompt_tokens);

  std::ranges::sort(prompts, {}, &SequenceView::admission);
  for (const SequenceView* prompt : prompts) {
    const std::uint32_t tokens = std::min(left, prompt->prompt_tokens_left);
    const bool whole = tokens == prompt->prompt_tokens_left;
    const bool too_short = prompt != prompts.front() && tokens < limits.least_chunk && !whole;
    if (tokens == 0 || too_short) break;
    parts.push_back({prompt->seat, tokens, whole});
    left -= tokens;
  }
  return parts;
}

}  // namespace chasqui::worker
