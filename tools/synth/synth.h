// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/synth/kind.h"
#include "tools/synth/shape.h"

// Models without a meaning, of any size: random weights that are the same for the same seed, and a
// tokenizer that works. For tests and benchmarks, where only shapes and speeds matter.
namespace chasqui::synth {

// How weights are stored.
enum class WeightType { kF32, kF16, kQ8_0, kQ4_K_M };

// "f32", "f16", "q8_0", "q4_k_m".
std::string_view WeightTypeName(WeightType type);
// The type of a name, in either case. INVALID_ARGUMENT names those that exist.
absl::StatusOr<WeightType> ParseWeightType(std::string_view name);

// What to write.
struct SynthOptions {
  ModelKind kind = ModelKind::kText;
  ModelShape shape;
  WeightType type = WeightType::kQ8_0;
  uint64_t seed = 1;
  std::string name = "synth";            // general.name of the file
  std::filesystem::path output;          // replaced when it exists, and only once it is complete
  uint32_t threads = 0;                  // that quantise; 0: one for each core
  std::function<void(double)> progress;  // told the part done, 0 to 1; may be empty
};

// Names the content of the file that these options give: 16 hexadecimal characters, for caches.
// Changes with everything that changes the content (not with `output`, `threads` and `progress`),
// and with this library when it writes other files than before.
std::string ContentId(const SynthOptions& options);

// Writes the model. Memory stays far below the file's size; F32 and F16 need the file's size on
// disk, the quantised types that of an F16 file more while it runs. Blocks. What libllama logs
// meanwhile is taken from its log for a precise error: do not load models at the same time.
//   INVALID_ARGUMENT  the options are wrong
//   NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED...  the file cannot be written
//   INTERNAL          libllama could not quantise
absl::Status WriteModel(const SynthOptions& options);

}  // namespace chasqui::synth
