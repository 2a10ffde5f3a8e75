// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {

// Hashes of the prompt's beginnings, the shortest first: of its first 1 to 8 blocks of
// `block_bytes`, then of four lengths in each doubling (10, 12, 14, 16, 20 ... blocks), up to 1024
// blocks. A hash is of everything before its end, so that equal hashes mean equal beginnings. What
// the model reads counts: text, messages with roles, names and calls, tools, token ids, and the
// adapters. Empty: the prompt is shorter than a block. At most 36.
std::vector<std::uint64_t> PromptPrefix(const inference::v1::GenerateRequest& request,
                                        std::size_t block_bytes);

}  // namespace chasqui::router
