// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::worker {

// What is asked of a context.
struct ContextDemand {
  std::uint32_t context_tokens = 0;  // prompt and output together
  std::uint32_t max_tokens = 0;      // of the output; 0: not said
  inference::v1::ContextPolicy::Overflow overflow =
      inference::v1::ContextPolicy::OVERFLOW_UNSPECIFIED;
  inference::v1::ContextPolicy::Reserve reserve = inference::v1::ContextPolicy::RESERVE_UNSPECIFIED;
};

// How a context is shared.
struct ContextPlan {
  std::uint32_t prompt_tokens = 0;  // the prompt may have so many
  std::uint32_t output_tokens = 0;  // kept for the output whatever the prompt
  std::uint32_t margin_tokens = 0;  // part of them that no request asked for: room to end an answer

  bool operator==(const ContextPlan&) const = default;
};

// Shares the context. What max_tokens says is kept for the output; without it what `reserve` says.
// A request that says neither keeps a margin of one token, unless prompts are cut to fit: then what
// RESERVE_BALANCED says, or nothing would be left for the answer. Lengths are counted, not
// estimated, so that no other margin is needed. Pure.
ContextPlan PlanContext(const ContextDemand& demand);

}  // namespace chasqui::worker
