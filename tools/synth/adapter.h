// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"

namespace chasqui::synth {

// What adapter to write.
struct AdapterOptions {
  std::filesystem::path model;  // the GGUF file it is for
  uint32_t rank = 4;            // 1 to 256
  uint64_t seed = 1;
  // How far it moves what the layers give, relative to what they take; above 0.
  float strength = 0.5F;
  std::filesystem::path output;  // replaced when it exists
};

// Writes a LoRA adapter without a meaning over the queries, values and feed-forward outputs of the
// model's layers: random weights, the same for the same seed. Reads the model's head only. Blocks.
// Takes what ggml logs meanwhile.
//   INVALID_ARGUMENT  the options are wrong, or the model is no GGUF file or has no such layers
//   NOT_FOUND, PERMISSION_DENIED...  a file cannot be read or written
absl::Status WriteAdapter(const AdapterOptions& options);

}  // namespace chasqui::synth
