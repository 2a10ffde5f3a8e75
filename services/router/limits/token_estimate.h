// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/text.pb.h"

namespace chasqui::router {

// How many tokens a request may come to, told without its model's vocabulary. A value.
struct TokenEstimate {
  // Of the prompt: its ids where it has some, else a token for each four bytes of text.
  std::uint64_t prompt = 0;
  // Of all answers together, by max_tokens and n.
  std::uint64_t answer = 0;
  // How many answers have no max_tokens, and are not counted in `answer`.
  std::uint64_t open_answers = 0;
};

// Methods that generate nothing have no answer, those that run in no slot nothing at all.
// Pure.
TokenEstimate EstimateTokens(const inference::v1::GenerateRequest& request);
TokenEstimate EstimateTokens(const inference::v1::EmbedRequest& request);
TokenEstimate EstimateTokens(const inference::v1::RerankRequest& request);

}  // namespace chasqui::router
