// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "services/inference-worker/text/text_assembler.h"

namespace chasqui::worker {

// The log probability of `token` under `logits`, with its `top` likeliest rivals: a numerically
// stable log-softmax over the whole vocabulary, in double precision. Tokens whose logit is
// -infinity have no probability and are no rivals. Pure.
TokenLogprob MeasureLogprob(std::span<const float> logits, std::int32_t token, std::uint32_t top);

}  // namespace chasqui::worker
