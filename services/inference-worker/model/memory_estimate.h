// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include <ggml.h>

#include "services/inference-worker/model/gguf_file.h"

namespace chasqui::worker {

// How much a model is to compute at once: what its memory depends on beside its file.
struct ContextShape {
  std::uint32_t kv_tokens = 0;
  std::uint32_t micro_batch_tokens = 512;
  std::uint32_t sequences = 1;
  ggml_type type_k = GGML_TYPE_F16;
  ggml_type type_v = GGML_TYPE_F16;
};

// Memory a model needs, in bytes.
struct MemoryEstimate {
  std::uint64_t weights = 0;
  std::uint64_t kv_cache = 0;
  std::uint64_t compute = 0;  // activations, logits: an upper bound
  std::uint64_t adapters = 0;

  std::uint64_t total() const { return weights + kv_cache + compute + adapters; }
};

// From the headers alone, `adapters` those of its adapters. Weights and KV cache are exact; the
// rest is bounded by what a layer's graph keeps at a time. Pure.
MemoryEstimate EstimateMemory(const GgufFacts& facts, const ContextShape& shape,
                              std::span<const GgufFacts> adapters = {});

}  // namespace chasqui::worker
