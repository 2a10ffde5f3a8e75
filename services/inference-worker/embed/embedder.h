// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "services/inference-worker/engine/compute_turns.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// How the vectors of an input's tokens become one.
enum class EmbedPooling { kModelDefault, kMean, kCls, kLast };

// Computes embeddings or scores with one model, in contexts of its own, made when first needed: a
// context that pools gives no logits. Owned by the model's host. Thread-safe; blocks, one call
// computes at a time.
class Embedder {
 public:
  // With `turns`, which may be nullptr and outlive it, it takes turns with the engines.
  static absl::StatusOr<std::unique_ptr<Embedder>> Create(std::shared_ptr<const Model> model,
                                                          const EngineOptions& options,
                                                          ComputeTurns* turns = nullptr);
  virtual ~Embedder() = default;

  // One vector for each input, not normalised. INVALID_ARGUMENT when an input is empty, too long
  // (with the counts) or has a token outside of the vocabulary; RESOURCE_EXHAUSTED when the context
  // cannot be made; FAILED_PRECONDITION when the model ranks instead of embedding.
  virtual absl::StatusOr<std::vector<std::vector<float>>> Embed(const std::vector<TokenIds>& inputs,
                                                                EmbedPooling pooling) = 0;

  // The model's score of each pair of query and document, made by MakeRankPrompt.
  // FAILED_PRECONDITION when the model does not rank; else as Embed.
  virtual absl::StatusOr<std::vector<float>> Rank(const std::vector<TokenIds>& pairs) = 0;
};

// Scales a vector to length 1; leaves one of length 0 as it is.
void Normalize(std::vector<float>& vector);

}  // namespace chasqui::worker
