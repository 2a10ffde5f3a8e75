// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace chasqui::worker {

// What steps cost here, as measured. 0: not measured yet.
struct StepCosts {
  double decode_seconds = 0;            // of a step in which every running answer gets a token
  double seconds_per_prompt_token = 0;  // of each prompt token beside them
};

struct BudgetQuestion {
  StepCosts costs;
  std::uint32_t generating = 0;  // answers that wait for their next token
  std::uint32_t prompts = 0;     // answers that wait for their first
  double target_seconds = 0;     // 0: most_tokens alone
  std::uint32_t most_tokens = 0;
  std::uint32_t micro_batch_tokens = 0;
};

// A chunk of a prompt costs a pass over the weights, however short it is.
inline constexpr std::uint32_t kLeastChunk = 16;

// How many prompt tokens the next step may compute. While nobody generates: a micro-batch, for a
// longer step would only keep the first ones' tokens back. Else as many as make the step last as
// long as its target, which grows with the number of prompts that wait for each answer that
// generates: whoever waits for a first token waits, too. However slow the model is, the step may
// last three times as long as one without prompts, or prompts would hardly get on. At least
// kLeastChunk, at most `most_tokens`. Pure.
std::uint32_t PromptBudget(const BudgetQuestion& question);

}  // namespace chasqui::worker
