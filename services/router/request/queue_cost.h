// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "services/router/limits/token_estimate.h"

namespace chasqui::router {

// What an answer is taken for that its request does not bound.
inline constexpr std::uint64_t kOpenAnswerTokens = 512;

// What a request costs in the queue, which bounds and shares out by it: the tokens of its prompt
// and of its answers, by estimate. From 1 to 2^31.
inline std::uint32_t QueueCost(const TokenEstimate& estimate) {
  const std::uint64_t tokens =
      estimate.prompt + estimate.answer + estimate.open_answers * kOpenAnswerTokens;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(tokens, 1, std::uint64_t{1} << 31));
}

}  // namespace chasqui::router
