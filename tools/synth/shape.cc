// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/shape.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/synth/vocabulary.h"

namespace chasqui::synth {
namespace {

constexpr uint32_t kBlock = 32;  // weights in a block of Q8_0, the smallest block in use

constexpr std::array<Preset, 5> kPresets = {{
    {"m15", {}},
    {"m125", {.layers = 12, .embedding = 768, .heads = 12, .kv_heads = 12, .feed_forward = 2560}},
    {"m500",
     {.layers = 24,
      .embedding = 896,
      .heads = 14,
      .kv_heads = 2,
      .feed_forward = 4864,
      .vocabulary = 151936,
      .context = 32768,
      .rope_base = 1e6F,
      .rms_epsilon = 1e-6F}},
    {"m1500",
     {.layers = 28,
      .embedding = 1536,
      .heads = 12,
      .kv_heads = 2,
      .feed_forward = 8960,
      .vocabulary = 151936,
      .context = 32768,
      .rope_base = 1e6F,
      .rms_epsilon = 1e-6F}},
    {"m7500",
     {.layers = 32,
      .embedding = 4096,
      .heads = 32,
      .kv_heads = 8,
      .feed_forward = 14336,
      .vocabulary = 128256,
      .context = 8192,
      .rope_base = 5e5F}},
}};

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

absl::StatusOr<ModelShape> PresetShape(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Preset& preset : Presets()) {
    if (preset.name == name) return preset.shape;
    names.push_back(preset.name);
  }
  return absl::NotFoundError(
      absl::StrCat("no preset \"", name, "\"; there are ", absl::StrJoin(names, ", ")));
}

absl::Status Validate(const ModelShape& shape) {
  std::vector<std::string> problems;
  const auto within = [&problems](std::string_view what, uint32_t value, uint32_t low,
                                  uint32_t high) {
    if (value >= low && value <= high) return true;
    problems.push_back(absl::StrCat(what, " is ", value, ", must be ", low, " to ", high));
    return false;
  };
  const auto multiple = [&problems](std::string_view what, uint32_t value, uint32_t of,
                                    std::string_view of_what) {
    if (value % of == 0) return;
    problems.push_back(
        absl::StrCat(what, " is ", value, ", must be a multiple of ", of_what, " (", of, ")"));
  };
  within("layers", shape.layers, 1, 512);
  const bool embedding = within("embedding", shape.embedding, kBlock, 65536);
  if (embedding) multiple("embedding", shape.embedding, kBlock, "the quantisation block");
  if (within("heads", shape.heads, 1, 1024) && embedding) {
    // Rotary positions turn pairs of a head's numbers.
    multiple("embedding", shape.embedding, 2 * shape.heads, "twice the heads");
    if (within("kv_heads", shape.kv_heads, 1, shape.heads)) {
      multiple("heads", shape.heads, shape.kv_heads, "kv_heads");
      multiple("the width of K and V", shape.embedding / shape.heads * shape.kv_heads, kBlock,
               "the quantisation block");
    }
  }
  if (within("feed_forward", shape.feed_forward, kBlock, 1U << 20)) {
    multiple("feed_forward", shape.feed_forward, kBlock, "the quantisation block");
  }
  within("vocabulary", shape.vocabulary, kSmallestVocabulary, kLargestVocabulary);
  within("context", shape.context, 32, 1U << 24);
  if (!(shape.rope_base > 0)) problems.emplace_back("rope_base must be above 0");
  if (!(shape.rms_epsilon > 0)) problems.emplace_back("rms_epsilon must be above 0");
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
}

uint64_t ParameterCount(const ModelShape& shape) {
  const uint64_t width = shape.embedding;
  const uint64_t kv_width = width / shape.heads * shape.kv_heads;
  const uint64_t attention = 2 * width * width + 2 * width * kv_width;
  const uint64_t feed_forward = 3 * width * shape.feed_forward;
  return shape.vocabulary * width + shape.layers * (attention + feed_forward + 2 * width) + width;
}

}  // namespace chasqui::synth
