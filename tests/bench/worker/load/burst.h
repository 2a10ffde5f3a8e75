// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

struct BurstOptions {
  uint32_t concurrent = 1;
  uint32_t prompt_tokens = 128;
  uint32_t generated_tokens = 64;
  uint32_t vocabulary = 32000;  // of a synthetic model
  uint64_t seed = 1;            // of the prompts; equal seeds give equal prompts
  std::vector<int> pids;        // the server's, whose CPU time is measured; none: it is not
};

// Starts all streams at once, each with a prompt of its own, and gives the metrics by name, as
// docs/performance.md describes them. The first stream that fails, or that is shorter than asked
// for, is the error. Blocks.
absl::StatusOr<nlohmann::json> RunBurst(StreamClient& client, const BurstOptions& options);

}  // namespace chasqui::bench
