// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include <llama.h>

#include "absl/status/statusor.h"

namespace chasqui::quantize {

// A type of file under the name that everybody uses for it.
struct QuantizeType {
  std::string_view name;  // "Q4_K_M"
  llama_ftype type = LLAMA_FTYPE_ALL_F32;
  std::string_view what;  // a few words for people who choose
};

// All that libllama can write, the most exact first.
std::span<const QuantizeType> QuantizeTypes();

// The type of a name, in either case. INVALID_ARGUMENT names all.
absl::StatusOr<QuantizeType> ParseQuantizeType(std::string_view name);

// The type of single tensors of a name such as "q8_0", in either case. INVALID_ARGUMENT names all.
absl::StatusOr<ggml_type> ParseTensorType(std::string_view name);

}  // namespace chasqui::quantize
