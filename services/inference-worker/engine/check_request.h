// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "services/inference-worker/engine/generation.h"

namespace chasqui::worker {

// What of a model decides whether a request can be right.
struct RequestBounds {
  std::uint32_t vocabulary_size = 0;
  std::uint32_t context_tokens = 0;  // longest prompt and output together
  std::uint32_t slots = 1;
  bool can_shift = false;
};

// The longest answer of a request that outgrows the context and sets no limit of its own.
inline constexpr std::uint32_t kMostShiftedTokens = 1 << 20;

// OK, or INVALID_ARGUMENT with every violation. Pure.
absl::Status CheckRequest(const GenerationRequest& request, const RequestBounds& bounds);

// The most tokens the answer to a right request may have.
std::uint32_t MostTokens(const GenerationRequest& request, const RequestBounds& bounds);

}  // namespace chasqui::worker
