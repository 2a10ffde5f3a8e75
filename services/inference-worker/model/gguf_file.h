// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chasqui::worker {

// What the header of a GGUF file says, as far as it decides whether and how the model can be
// loaded.
struct GgufFacts {
  std::vector<std::string> paths;           // the parts of a split model, else the one file
  std::vector<std::uint64_t> header_bytes;  // of each part: metadata, tokenizer, tensor table
  std::uint64_t file_bytes = 0;             // all parts
  std::uint64_t tensor_bytes = 0;
  std::string type;          // "model", "adapter"; empty: the file does not say
  std::string adapter_type;  // of adapters: "lora"
  std::string architecture;
  std::string quantization;  // type of most weights, as libllama names it; empty: not said
  bool causal = true;        // false: for embeddings only
  // How it is meant to be pooled, as llama_pooling_type. -1: the file does not say.
  std::int32_t pooling = -1;
  bool has_classifier = false;  // a head that scores texts
  std::uint32_t train_context_tokens = 0;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t embedding_length = 0;
  std::uint32_t feed_forward_length = 0;
  std::uint32_t head_count = 0;
  std::uint32_t key_length = 0;         // of one head
  std::uint32_t value_length = 0;       // of one head
  std::vector<std::uint32_t> kv_heads;  // of each layer
};

// Whether the model is for ranking documents: it has a head that scores texts, and its file says
// that it is pooled by it or, as those of some encoders, says nothing. Without a head, libllama
// would give the first numbers of an embedding for scores. Pure.
bool Ranks(const GgufFacts& facts);

// Reads the header of `path`, and of all parts of a split model, and checks what libllama takes for
// granted: that the files are as long as it says, which would be found out at the first page that
// is not there, and what gguf_check.h lists. NOT_FOUND, or INVALID_ARGUMENT with the reason.
// Thread-safe; blocks on the disk.
absl::StatusOr<GgufFacts> InspectGguf(const std::string& path);

}  // namespace chasqui::worker
