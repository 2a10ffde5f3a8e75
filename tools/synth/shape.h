// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chasqui::synth {

// The dimensions of a model of the llama architecture whose output is tied to its embedding.
// A value. Zero is allowed nowhere.
struct ModelShape {
  uint32_t layers = 6;
  uint32_t embedding = 256;  // numbers a token; a multiple of heads, and of 32
  uint32_t heads = 4;        // a multiple of kv_heads
  uint32_t kv_heads = 4;
  uint32_t feed_forward = 1024;  // a multiple of 32; of 256 for k-quants to be themselves
  uint32_t vocabulary = 32000;   // tokens; at least kSmallestVocabulary
  uint32_t context = 8192;       // tokens the model claims to be trained for
  float rope_base = 10000.0F;
  float rms_epsilon = 1e-5F;

  bool operator==(const ModelShape&) const = default;
};

// A shape known by a name.
struct Preset {
  std::string_view name;
  ModelShape shape;
};

// m15: as small as makes sense; m125: as GPT-2 small; m500 and m1500: as Qwen2.5 0.5B and 1.5B;
// m7500: as Llama 3 8B but for its tied output, for GPUs. In this order.
std::span<const Preset> Presets();

// The shape of a preset. NOT_FOUND names those that exist.
absl::StatusOr<ModelShape> PresetShape(std::string_view name);

// INVALID_ARGUMENT with every problem of the shape at once.
absl::Status Validate(const ModelShape& shape);

// How many weights a model of this shape has.
uint64_t ParameterCount(const ModelShape& shape);

}  // namespace chasqui::synth
