// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "tests/bench/worker/load/prompt_source.h"
#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

struct ClosedLoopOptions {
  uint32_t users = 8;
  uint32_t requests = 32;  // of all users together
  Range prompt_tokens{32, 256};
  Range generated_tokens{16, 128};
  uint32_t vocabulary = 32000;  // of a synthetic model
  uint64_t seed = 1;            // of prompts and lengths; equal seeds give equal sequences
};

// Users come and go: each asks for the next request of one sequence as soon as its last one has
// ended, until all have been asked for. Gives the metrics by name, as docs/performance.md describes
// them; the first stream that fails, or that is shorter than asked for, is the error. Blocks.
absl::StatusOr<nlohmann::json> RunClosedLoop(StreamClient& client,
                                             const ClosedLoopOptions& options);

}  // namespace chasqui::bench
