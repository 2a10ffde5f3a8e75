// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace chasqui::worker {

// What the planner knows of one running sequence.
struct SequenceView {
  std::uint32_t seat = 0;
  // Prompt tokens not computed yet; 0: it generates.
  std::uint32_t prompt_tokens_left = 0;
  // Order of admission: prompts are served first come first served.
  std::uint64_t admission = 0;
  // Its reader is slow: it takes part in no step.
  bool paused = false;
};

// Bounds of one step.
struct StepLimits {
  std::uint32_t batch_tokens = 2048;
  // Most prompt tokens; see PromptBudget.
  std::uint32_t prompt_tokens = 256;
  // A prompt behind the first one gets no less, but for its end: a short chunk costs a pass over
  // the weights, and more than that later.
  std::uint32_t least_chunk = 1;
};

// What one sequence contributes to a step.
struct StepPart {
  std::uint32_t seat = 0;
  std::uint32_t tokens = 0;
  // Whether a token is sampled from its last one.
  bool samples = false;

  bool operator==(const StepPart&) const = default;
};

// The next step: every sequence that generates gets its token, what is left of the budget goes to
// prompts, the oldest first. Empty when nothing can run. Pure.
std::vector<StepPart> PlanStep(std::span<const SequenceView> sequences, const StepLimits& limits);

}  // namespace chasqui::worker
