// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chasqui::synth {

// One key of a GGUF file.
struct MetadataEntry {
  std::string key;
  std::string type;       // "u32", "str", "arr[str]"...
  std::string value;      // as text, complete; of an array the first few elements
  uint64_t elements = 1;  // of an array, how many
};

// One tensor of a GGUF file.
struct TensorEntry {
  std::string name;
  std::string type;                  // "f32", "q8_0"...
  std::vector<uint64_t> dimensions;  // the one that lies together in memory first
  uint64_t bytes = 0;
};

// The tensors of one type.
struct TypeSummary {
  std::string type;
  uint64_t tensors = 0;
  uint64_t weights = 0;
  uint64_t bytes = 0;
};

// What a GGUF file says about itself. The fields of the model are 0 or empty where it says nothing.
struct ModelSummary {
  std::string path;
  uint64_t file_bytes = 0;
  uint32_t gguf_version = 0;
  std::string architecture;
  std::string name;
  std::string quantization;  // libllama's name of general.file_type
  uint64_t parameter_count = 0;
  uint64_t tensor_bytes = 0;
  uint64_t layers = 0;
  uint64_t embedding = 0;
  uint64_t heads = 0;
  uint64_t kv_heads = 0;
  uint64_t context = 0;
  uint64_t vocabulary = 0;
  std::string tokenizer;
  bool has_chat_template = false;
  std::vector<MetadataEntry> metadata;  // in the file's order
  std::vector<TensorEntry> tensors;     // in the file's order
  std::vector<TypeSummary> types;       // by bytes, the largest first
};

// Reads the head of a GGUF file, not its weights. Blocks. Takes what ggml logs meanwhile.
//   NOT_FOUND, PERMISSION_DENIED...  the file cannot be read
//   INVALID_ARGUMENT                 it is no GGUF file, or damaged; the message says how
absl::StatusOr<ModelSummary> InspectModel(const std::filesystem::path& path);

}  // namespace chasqui::synth
