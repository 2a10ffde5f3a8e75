// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/gguf_file.h"

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <optional>

#include <gguf.h>
#include <llama-cpp.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/model/gguf_check.h"

namespace chasqui::worker {
namespace {

struct FreeGguf {
  void operator()(gguf_context* gguf) const { gguf_free(gguf); }
};
using GgufPtr = std::unique_ptr<gguf_context, FreeGguf>;

// gguf_get_val_* end the process when the type is another: ask first.
std::optional<std::uint64_t> Integer(const gguf_context* gguf, const std::string& key) {
  const std::int64_t id = gguf_find_key(gguf, key.c_str());
  if (id < 0) return std::nullopt;
  switch (gguf_get_kv_type(gguf, id)) {
    case GGUF_TYPE_UINT16:
      return gguf_get_val_u16(gguf, id);
    case GGUF_TYPE_UINT32:
      return gguf_get_val_u32(gguf, id);
    case GGUF_TYPE_INT32:
      return std::max(0, gguf_get_val_i32(gguf, id));
    case GGUF_TYPE_UINT64:
      return gguf_get_val_u64(gguf, id);
    default:
      return std::nullopt;
  }
}

std::string String(const gguf_context* gguf, const std::string& key) {
  const std::int64_t id = gguf_find_key(gguf, key.c_str());
  if (id < 0 || gguf_get_kv_type(gguf, id) != GGUF_TYPE_STRING) return "";
  return gguf_get_val_str(gguf, id);
}

// The number of heads is one for all layers, or an array.
std::vector<std::uint32_t> PerLayer(const gguf_context* gguf, const std::string& key,
                                    std::uint32_t layers, std::uint32_t otherwise) {
  const std::int64_t id = gguf_find_key(gguf, key.c_str());
  if (id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY) {
    const auto type = gguf_get_arr_type(gguf, id);
    if (type == GGUF_TYPE_UINT32 || type == GGUF_TYPE_INT32) {
      const auto* values = static_cast<const std::uint32_t*>(gguf_get_arr_data(gguf, id));
      return {values, values + gguf_get_arr_n(gguf, id)};
    }
  }
  const auto one = static_cast<std::uint32_t>(Integer(gguf, key).value_or(otherwise));
  return std::vector<std::uint32_t>(layers, one);
}

absl::StatusOr<GgufPtr> Open(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return status::NotFound("file", path, "there is no such model file");
  std::string reason;
  try {
    const LogCapture capture;
    GgufPtr gguf(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
    if (gguf) return gguf;
    reason = capture.Reason();
  } catch (const std::exception& exception) {
    reason = exception.what();
  }
  return status::InvalidArgument(
      "path", absl::StrCat(path, " is no GGUF file or is damaged: ",
                           reason.empty() ? "its header cannot be read" : reason));
}

std::uint64_t TensorBytes(const gguf_context* gguf) {
  std::uint64_t bytes = 0;
  for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf); ++i)
    bytes = std::max<std::uint64_t>(
        bytes, gguf_get_tensor_offset(gguf, i) + gguf_get_tensor_size(gguf, i));
  return bytes;
}

absl::Status AddPart(const std::string& path, const gguf_context* gguf, GgufFacts& facts) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  const std::uint64_t header = gguf_get_data_offset(gguf);
  const std::uint64_t tensors = TensorBytes(gguf);
  ABSL_RETURN_IF_ERROR(CheckTensors(path, gguf));
  if (error || size < header + tensors) {
    return status::InvalidArgument(
        "path", absl::StrCat(path, " is truncated: its header announces ", header + tensors,
                             " bytes, the file has ", error ? 0 : size));
  }
  facts.paths.push_back(path);
  facts.header_bytes.push_back(header);
  facts.file_bytes += size;
  facts.tensor_bytes += tensors;
  return absl::OkStatus();
}

// Beside type and architecture, which are known; the layers are few enough to be listed.
void ReadMetadata(const gguf_context* gguf, GgufFacts& facts) {
  facts.adapter_type = String(gguf, "adapter.type");
  if (const auto type = Integer(gguf, "general.file_type"))
    facts.quantization = llama_ftype_name(static_cast<llama_ftype>(*type));
  const auto number = [&](std::string_view key, std::uint64_t otherwise) {
    return static_cast<std::uint32_t>(
        Integer(gguf, absl::StrCat(facts.architecture, ".", key)).value_or(otherwise));
  };
  facts.train_context_tokens = number("context_length", 0);
  facts.embedding_length = number("embedding_length", 0);
  facts.feed_forward_length = number("feed_forward_length", 4 * facts.embedding_length);
  facts.head_count = std::max(1U, number("attention.head_count", 1));
  const std::uint32_t head_length = facts.embedding_length / facts.head_count;
  facts.key_length = number("attention.key_length", head_length);
  facts.value_length = number("attention.value_length", head_length);
  facts.kv_heads = PerLayer(gguf, absl::StrCat(facts.architecture, ".attention.head_count_kv"),
                            number("block_count", 0), facts.head_count);

  const std::string causal = absl::StrCat(facts.architecture, ".attention.causal");
  if (const auto id = gguf_find_key(gguf, causal.c_str());
      id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_BOOL) {
    facts.causal = gguf_get_val_bool(gguf, id);
  }
  const auto pooling = Integer(gguf, absl::StrCat(facts.architecture, ".pooling_type"));
  if (pooling.has_value()) facts.pooling = static_cast<std::int32_t>(*pooling);
  facts.has_classifier =
      gguf_find_tensor(gguf, "cls.weight") >= 0 || gguf_find_tensor(gguf, "cls.output.weight") >= 0;
  if (const auto id = gguf_find_key(gguf, "tokenizer.ggml.tokens");
      id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY) {
    facts.vocabulary_size = static_cast<std::uint32_t>(gguf_get_arr_n(gguf, id));
  }
}

// The names of all parts, when `first` is the first of `count`.
absl::StatusOr<std::vector<std::string>> PartsOf(const std::string& first, int count) {
  std::array<char, 4096> buffer;
  if (llama_split_prefix(buffer.data(), buffer.size(), first.c_str(), 0, count) <= 0) {
    return status::InvalidArgument(
        "path", absl::StrCat(first, " is not the first of the model's ", count, " parts"));
  }
  const std::string prefix = buffer.data();
  std::vector<std::string> paths;
  for (int part = 0; part < count; ++part) {
    llama_split_path(buffer.data(), buffer.size(), prefix.c_str(), part, count);
    paths.emplace_back(buffer.data());
  }
  return paths;
}

}  // namespace

bool Ranks(const GgufFacts& facts) {
  return facts.has_classifier && (facts.pooling == LLAMA_POOLING_TYPE_RANK ||
                                  facts.pooling == LLAMA_POOLING_TYPE_UNSPECIFIED);
}

absl::StatusOr<GgufFacts> InspectGguf(const std::string& path) {
  GgufFacts facts;
  ABSL_ASSIGN_OR_RETURN(const GgufPtr gguf, Open(path));
  ABSL_RETURN_IF_ERROR(AddPart(path, gguf.get(), facts));
  facts.architecture = String(gguf.get(), "general.architecture");
  if (facts.architecture.empty())
    return status::InvalidArgument("path", absl::StrCat(path, " names no architecture"));
  if (facts.architecture != Printable(facts.architecture))
    return status::InvalidArgument("path",
                                   absl::StrCat(path, " is damaged: its architecture is no word"));
  facts.type = String(gguf.get(), "general.type");
  if (facts.type != "adapter") {
    ABSL_RETURN_IF_ERROR(CheckMetadata(path, facts.architecture, gguf.get()));
  }
  ReadMetadata(gguf.get(), facts);

  const auto parts = static_cast<int>(Integer(gguf.get(), "split.count").value_or(1));
  if (parts <= 1) return facts;
  ABSL_ASSIGN_OR_RETURN(const auto paths, PartsOf(path, parts));
  for (std::size_t i = 1; i < paths.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(const GgufPtr part, Open(paths[i]));
    ABSL_RETURN_IF_ERROR(AddPart(paths[i], part.get(), facts));
  }
  return facts;
}

}  // namespace chasqui::worker
