// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <llama-cpp.h>

#include "absl/status/statusor.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// Longest input that a model with these options embeds. The vectors of an input are pooled within
// one micro batch, so that this is the size of the context's.
std::uint32_t MostEmbedTokens(const Model& model, const EngineOptions& options);

// libllama's context for embeddings of one kind of pooling, or for scores. Owned by the embedder.
// Thread-compatible.
class EmbedContext {
 public:
  // Inputs computed together.
  static constexpr std::uint32_t kMostInputs = 16;

  // RESOURCE_EXHAUSTED with libllama's reason. LLAMA_POOLING_TYPE_RANK, and it only, for models
  // that rank. `enum`: libllama has a function of that name, too.
  static absl::StatusOr<std::unique_ptr<EmbedContext>> Create(const Model& model,
                                                              const EngineOptions& options,
                                                              enum llama_pooling_type pooling);

  // One vector for each input, of scores when the model ranks; at most kMostInputs of at most
  // MostEmbedTokens together.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(std::span<const TokenIds> inputs);

 private:
  EmbedContext(llama_context_ptr context, std::size_t length)
      : context_(std::move(context)), length_(length) {}

  absl::Status Compute(std::span<const TokenIds> inputs);

  llama_context_ptr context_;
  std::size_t length_;  // of a vector
};

}  // namespace chasqui::worker
