// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/memory_estimate.h"

namespace chasqui::worker {
namespace {

std::uint64_t RowBytes(ggml_type type, std::uint64_t numbers) {
  return numbers * ggml_type_size(type) / static_cast<std::uint64_t>(ggml_blck_size(type));
}

}  // namespace

MemoryEstimate EstimateMemory(const GgufFacts& facts, const ContextShape& shape,
                              std::span<const GgufFacts> adapters) {
  MemoryEstimate estimate;
  estimate.weights = facts.tensor_bytes;
  for (const GgufFacts& adapter : adapters) estimate.adapters += adapter.tensor_bytes;
  for (const std::uint64_t heads : facts.kv_heads) {
    estimate.kv_cache += shape.kv_tokens * (RowBytes(shape.type_k, heads * facts.key_length) +
                                            RowBytes(shape.type_v, heads * facts.value_length));
  }
  // Of each token computed at a time: the residual stream, queries, keys, values and their rotated
  // copies, the two halves of the feed-forward layer and its product, and the mask over the cache.
  constexpr std::uint64_t kStreams = 8;
  constexpr std::uint64_t kFeedForwards = 3;
  const std::uint64_t numbers = kStreams * facts.embedding_length +
                                kFeedForwards * facts.feed_forward_length + shape.kv_tokens;
  const std::uint64_t logits = std::uint64_t{shape.sequences} * facts.vocabulary_size;
  // Logits are held twice: in the graph and in the output that is read.
  estimate.compute = sizeof(float) * (shape.micro_batch_tokens * numbers + 2 * logits);
  return estimate;
}

}  // namespace chasqui::worker
