// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "services/inference-worker/batch/step_costs.h"

namespace chasqui::worker {

struct BudgetQuestion {
  const StepCosts& costs;
  std::uint32_t generating = 0;     // answers that wait for their next token
  std::uint32_t prompts = 0;        // answers that wait for their first
  std::uint32_t oldest_tokens = 0;  // what the oldest prompt still needs
  double target_seconds = 0;        // 0: most_tokens alone
  std::uint32_t most_tokens = 0;
  std::uint32_t micro_batch_tokens = 0;
};

// A chunk of a prompt costs a pass over the weights, however short it is.
inline constexpr std::uint32_t kLeastChunk = 16;

// How many prompt tokens the next step may compute. Pure.
//
// While others generate: as many as make the step last as long as its target or, however slow the
// model is, four times as long as without prompts, or prompts would hardly get on. The oldest
// prompt may stretch that: once more for each prompt that waits behind it, up to four times, for
// those that wait for a first token outweigh those that wait for their next; and by half where that
// computes all it needs, for a short rest would cost a step of its own.
//
// While nobody generates: a micro-batch, for a longer step would only keep first tokens back.
//
// Several prompts share a step, and stretch it as well, only up to the length at which it is
// efficient: a quarter of it goes to what every step costs, which is the decoding and a pass over
// the weights. Beyond that, one after the other makes a shorter mean wait for first tokens than all
// at the end.
//
// At least kLeastChunk, at most `most_tokens`.
std::uint32_t PromptBudget(const BudgetQuestion& question);

}  // namespace chasqui::worker
