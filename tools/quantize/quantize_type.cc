// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize_type.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chasqui::quantize {
namespace {

constexpr std::string_view kWantsImatrix = "wants an importance matrix for most tensors";

constexpr auto kTypes = std::to_array<QuantizeType>({
    {"F32", LLAMA_FTYPE_ALL_F32, "32 bits a weight, as trained"},
    {"F16", LLAMA_FTYPE_MOSTLY_F16, "16 bits"},
    {"BF16", LLAMA_FTYPE_MOSTLY_BF16, "16 bits with the range of 32"},
    {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0, "8.5 bits: no loss that is seen"},
    {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K, "6.6 bits: hardly any loss"},
    {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M, "5.7 bits: little loss"},
    {"Q5_K_S", LLAMA_FTYPE_MOSTLY_Q5_K_S, "5.5 bits"},
    {"Q5_1", LLAMA_FTYPE_MOSTLY_Q5_1, "6 bits, of the old kind"},
    {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0, "5.5 bits, of the old kind"},
    {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M, "4.8 bits: the usual compromise"},
    {"Q4_K_S", LLAMA_FTYPE_MOSTLY_Q4_K_S, "4.6 bits"},
    {"IQ4_NL", LLAMA_FTYPE_MOSTLY_IQ4_NL, "4.5 bits, steps of uneven size"},
    {"IQ4_XS", LLAMA_FTYPE_MOSTLY_IQ4_XS, "4.3 bits, steps of uneven size"},
    {"MXFP4_MOE", LLAMA_FTYPE_MOSTLY_MXFP4_MOE, "4.3 bits for the experts of a mixture"},
    {"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1, "5 bits, of the old kind"},
    {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0, "4.5 bits, of the old kind"},
    {"Q3_K_L", LLAMA_FTYPE_MOSTLY_Q3_K_L, "4.3 bits"},
    {"Q3_K_M", LLAMA_FTYPE_MOSTLY_Q3_K_M, "3.9 bits: loss is seen"},
    {"Q3_K_S", LLAMA_FTYPE_MOSTLY_Q3_K_S, "3.5 bits"},
    {"IQ3_M", LLAMA_FTYPE_MOSTLY_IQ3_M, "3.7 bits"},
    {"IQ3_S", LLAMA_FTYPE_MOSTLY_IQ3_S, "3.4 bits"},
    {"IQ3_XS", LLAMA_FTYPE_MOSTLY_IQ3_XS, kWantsImatrix},
    {"IQ3_XXS", LLAMA_FTYPE_MOSTLY_IQ3_XXS, kWantsImatrix},
    {"Q2_K", LLAMA_FTYPE_MOSTLY_Q2_K, "3 bits"},
    {"Q2_K_S", LLAMA_FTYPE_MOSTLY_Q2_K_S, kWantsImatrix},
    {"IQ2_M", LLAMA_FTYPE_MOSTLY_IQ2_M, kWantsImatrix},
    {"IQ2_S", LLAMA_FTYPE_MOSTLY_IQ2_S, kWantsImatrix},
    {"IQ2_XS", LLAMA_FTYPE_MOSTLY_IQ2_XS, kWantsImatrix},
    {"IQ2_XXS", LLAMA_FTYPE_MOSTLY_IQ2_XXS, kWantsImatrix},
    {"Q2_0", LLAMA_FTYPE_MOSTLY_Q2_0, "2 bits, for models trained so"},
    {"TQ2_0", LLAMA_FTYPE_MOSTLY_TQ2_0, "2.1 bits, for ternary models"},
    {"IQ1_M", LLAMA_FTYPE_MOSTLY_IQ1_M, kWantsImatrix},
    {"IQ1_S", LLAMA_FTYPE_MOSTLY_IQ1_S, kWantsImatrix},
    {"TQ1_0", LLAMA_FTYPE_MOSTLY_TQ1_0, "1.7 bits, for ternary models"},
    {"Q1_0", LLAMA_FTYPE_MOSTLY_Q1_0, "1 bit, for models trained so"},
});

}  // namespace

std::span<const QuantizeType> QuantizeTypes() { return kTypes; }

absl::StatusOr<QuantizeType> ParseQuantizeType(std::string_view name) {
  std::vector<std::string_view> names;
  for (const QuantizeType& known : kTypes) {
    if (absl::EqualsIgnoreCase(name, known.name)) return known;
    names.push_back(known.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no type \"", name, "\"; there are ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<ggml_type> ParseTensorType(std::string_view name) {
  std::vector<std::string_view> names;
  for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
    const auto type = static_cast<ggml_type>(i);
    const char* known = ggml_type_name(type);
    // Whole numbers hold no weights, q8_1 and q8_K only what is being computed.
    const bool holds_weights = known != nullptr && ggml_type_size(type) > 0 &&
                               (ggml_is_quantized(type) || type == GGML_TYPE_F32 ||
                                type == GGML_TYPE_F16 || type == GGML_TYPE_BF16) &&
                               type != GGML_TYPE_Q8_1 && type != GGML_TYPE_Q8_K;
    if (!holds_weights) continue;
    if (absl::EqualsIgnoreCase(name, known)) return type;
    names.emplace_back(known);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no type of tensors \"", name, "\"; there are ", absl::StrJoin(names, ", ")));
}

}  // namespace chasqui::quantize
