// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chasqui::worker {

// A file's name without ".gguf", taken apart: "qwen-4b-Q4_K_M" is "qwen-4b" in "Q4_K_M". Without a
// suffix that names a type of weights, all of it is the model's name.
struct VariantName {
  std::string_view model;
  std::string_view quantization;
};

// Views into `stem`. The suffix follows '-', '.' or '_'; upper and lower case mean the same. Pure.
VariantName SplitVariantName(std::string_view stem);

// Files of one model.
struct VariantGroup {
  std::string name;
  std::vector<std::string> paths;  // in their order
};

// The files of a folder by model: those whose names differ by the type of weights alone are one
// model under what they have in common; any other is one under its file's name, as it is. Of a
// model in parts only the first counts. Sorted by name. Pure.
std::vector<VariantGroup> GroupVariants(std::span<const std::string> paths);

// What a file of a model would take.
struct VariantSize {
  std::uint64_t weights_bytes = 0;
  std::uint64_t total_bytes = 0;  // with KV cache and computation
};

// The order from best to worst, as indices: larger weights keep more of what was learnt. Equals
// stay in their order. Pure.
std::vector<std::size_t> BestFirst(std::span<const VariantSize> variants);

// The best that `available_bytes` can hold; without a number, the best; nothing when none fits.
// Pure.
std::optional<std::size_t> ChooseVariant(std::span<const VariantSize> variants,
                                         std::optional<std::uint64_t> available_bytes);

}  // namespace chasqui::worker
