// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace chasqui::synth {

// What a model is for, and with it its architecture. All have the same shapes and tokenizer.
enum class ModelKind : std::uint8_t {
  kText,            // generates text: llama
  kEmbedding,       // embeds texts, pooled by the first token: bert
  kReranker,        // scores pairs of texts by a head over the first token: bert
  kPromptReranker,  // scores pairs put into its own prompt, by a head over the last token: qwen3
};

// A kind known by a name, with libllama's name of the architecture.
struct KindName {
  ModelKind kind;
  std::string_view name;
  std::string_view architecture;
};

// "text", "embedding", "reranker", "prompt-reranker". In this order.
std::span<const KindName> Kinds();

// The names of `kind`.
const KindName& NameOf(ModelKind kind);

// The kind of a name. INVALID_ARGUMENT names those that exist.
absl::StatusOr<ModelKind> ParseKind(std::string_view name);

}  // namespace chasqui::synth
