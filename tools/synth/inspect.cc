// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/inspect.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <ggml-cpp.h>
#include <llama.h>

#include "absl/status/status_macros.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tools/synth/gguf_value.h"
#include "tools/synth/log_capture.h"

namespace chasqui::synth {
namespace {

namespace fs = std::filesystem;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

absl::Status Damaged(const fs::path& path, std::string_view how) {
  return absl::InvalidArgumentError(absl::StrCat(path.string(), ": ", how));
}

// Whether the file begins as a GGUF file does; says what is wrong otherwise.
absl::Status CheckMagic(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return Damaged(path, "is a folder, not a GGUF file");
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path.string()));
  }
  std::string head(4, '\0');
  head.resize(std::fread(head.data(), 1, head.size(), file.get()));
  if (head == GGUF_MAGIC) return absl::OkStatus();
  if (head.empty()) return Damaged(path, "is empty, not a GGUF file");
  return Damaged(path, absl::StrCat("is no GGUF file: it begins with \"", absl::CHexEscape(head),
                                    "\", not with \"", GGUF_MAGIC, "\""));
}

std::string Text(const gguf_context* gguf, const std::string& key) {
  const int64_t id = gguf_find_key(gguf, key.c_str());
  if (id < 0 || gguf_get_kv_type(gguf, id) != GGUF_TYPE_STRING) return "";
  return gguf_get_val_str(gguf, id);
}

uint64_t Number(const gguf_context* gguf, const std::string& key) {
  return GgufUnsigned(gguf, gguf_find_key(gguf, key.c_str())).value_or(0);
}

void ReadModel(const gguf_context* gguf, ModelSummary& summary) {
  summary.architecture = Text(gguf, "general.architecture");
  summary.name = Text(gguf, "general.name");
  const std::string prefix = summary.architecture + ".";
  summary.layers = Number(gguf, prefix + "block_count");
  summary.embedding = Number(gguf, prefix + "embedding_length");
  summary.heads = Number(gguf, prefix + "attention.head_count");
  summary.kv_heads = Number(gguf, prefix + "attention.head_count_kv");
  summary.context = Number(gguf, prefix + "context_length");
  summary.tokenizer = Text(gguf, "tokenizer.ggml.model");
  summary.has_chat_template = !Text(gguf, "tokenizer.chat_template").empty();
  if (const int64_t tokens = gguf_find_key(gguf, "tokenizer.ggml.tokens");
      tokens >= 0 && gguf_get_kv_type(gguf, tokens) == GGUF_TYPE_ARRAY) {
    summary.vocabulary = gguf_get_arr_n(gguf, tokens);
  }
  const auto type = GgufUnsigned(gguf, gguf_find_key(gguf, "general.file_type"));
  if (type.has_value()) {
    summary.quantization = llama_ftype_name(static_cast<llama_ftype>(*type));
  }
}

void ReadMetadata(const gguf_context* gguf, ModelSummary& summary) {
  for (int64_t id = 0; id < gguf_get_n_kv(gguf); ++id) {
    const bool array = gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY;
    summary.metadata.push_back({.key = gguf_get_key(gguf, id),
                                .type = GgufTypeText(gguf, id),
                                .value = GgufValueText(gguf, id),
                                .elements = array ? gguf_get_arr_n(gguf, id) : 1});
  }
}

TensorEntry ReadTensor(const gguf_context* gguf, int64_t id) {
  TensorEntry entry{.name = gguf_get_tensor_name(gguf, id),
                    .type = ggml_type_name(gguf_get_tensor_type(gguf, id)),
                    .dimensions = {},
                    .bytes = gguf_get_tensor_size(gguf, id)};
  const int64_t* ne = gguf_get_tensor_ne(gguf, id);
  for (int i = 0; i < GGML_MAX_DIMS; ++i) entry.dimensions.push_back(ne[i]);
  while (entry.dimensions.size() > 1 && entry.dimensions.back() == 1) entry.dimensions.pop_back();
  return entry;
}

void AddToTypes(const TensorEntry& tensor, uint64_t weights, std::vector<TypeSummary>& types) {
  auto it = std::ranges::find(types, tensor.type, &TypeSummary::type);
  if (it == types.end()) it = types.insert(it, TypeSummary{.type = tensor.type});
  ++it->tensors;
  it->weights += weights;
  it->bytes += tensor.bytes;
}

// The tensors; INVALID_ARGUMENT when the file ends before the last of them does.
absl::Status ReadTensors(const gguf_context* gguf, const fs::path& path, ModelSummary& summary) {
  uint64_t end = gguf_get_data_offset(gguf);
  for (int64_t id = 0; id < gguf_get_n_tensors(gguf); ++id) {
    TensorEntry entry = ReadTensor(gguf, id);
    uint64_t weights = 1;
    for (uint64_t dimension : entry.dimensions) weights *= dimension;
    summary.parameter_count += weights;
    summary.tensor_bytes += entry.bytes;
    end = std::max<uint64_t>(
        end, gguf_get_data_offset(gguf) + gguf_get_tensor_offset(gguf, id) + entry.bytes);
    AddToTypes(entry, weights, summary.types);
    summary.tensors.push_back(std::move(entry));
  }
  std::ranges::stable_sort(summary.types, std::greater{}, &TypeSummary::bytes);
  if (end <= summary.file_bytes) return absl::OkStatus();
  return Damaged(path, absl::StrCat("is cut off: its tensors end at byte ", end, ", the file at ",
                                    summary.file_bytes));
}

}  // namespace

absl::StatusOr<ModelSummary> InspectModel(const fs::path& path) {
  ABSL_RETURN_IF_ERROR(CheckMagic(path));
  const LogCapture log;
  const gguf_context_ptr gguf(
      gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
  if (gguf == nullptr) {
    return Damaged(path, absl::StrCat("is damaged: ", log.Errors("its head cannot be read")));
  }
  ModelSummary summary{.path = path.string()};
  std::error_code error;
  summary.file_bytes = fs::file_size(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), path.string());
  summary.gguf_version = gguf_get_version(gguf.get());
  ReadModel(gguf.get(), summary);
  ReadMetadata(gguf.get(), summary);
  ABSL_RETURN_IF_ERROR(ReadTensors(gguf.get(), path, summary));
  return summary;
}

}  // namespace chasqui::synth
