// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "tools/synth/kind.h"
#include "tools/synth/shape.h"

namespace chasqui::synth {

// What an unquantised file holds.
struct GgufContent {
  ModelKind kind = ModelKind::kText;
  ModelShape shape;  // valid
  uint64_t seed = 1;
  std::string name;
  bool half = true;  // matrices as F16 instead of F32
};

// Writes a GGUF file tensor by tensor, so that memory holds a few MiB of it at a time. Blocks.
// Fails with what the operating system says; then the file is incomplete.
absl::Status WriteGgufFile(const GgufContent& content, const std::filesystem::path& path,
                           const std::function<void(double)>& progress);

}  // namespace chasqui::synth
