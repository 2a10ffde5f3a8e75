// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/gguf_check.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <ggml.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {
namespace {

// LLAMA_MAX_LAYERS of libllama.
constexpr std::uint64_t kMostLayers = 512;

absl::Status Damaged(const std::string& path, std::string_view what) {
  return status::InvalidArgument("path", absl::StrCat(path, " is damaged: ", what));
}

// What the processor's back end multiplies by, and integers, which some architectures have as
// tables. The rest of ggml's types are for intermediate results, or have been removed.
bool IsTypeOfWeights(ggml_type type) {
  switch (type) {
    case GGML_TYPE_F64:
    case GGML_TYPE_Q8_1:
    case GGML_TYPE_Q8_K:
      return false;
    default:
      return type >= 0 && type < GGML_TYPE_COUNT && ggml_blck_size(type) > 0;
  }
}

// They are added or multiplied element by element, which is done in f32 only.
bool IsElementwise(std::string_view name) {
  return name.ends_with("norm.weight") || name.ends_with(".bias");
}

std::string TypeName(ggml_type type) {
  const bool known = type >= 0 && type < GGML_TYPE_COUNT && ggml_blck_size(type) > 0;
  return known ? ggml_type_name(type) : absl::StrCat(static_cast<int>(type));
}

absl::Status CheckTensor(const std::string& path, const gguf_context* gguf, std::int64_t id) {
  const std::string_view name = gguf_get_tensor_name(gguf, id);
  const ggml_type type = gguf_get_tensor_type(gguf, id);
  const std::string tensor = absl::StrCat("tensor \"", Printable(std::string(name)), "\" ");
  if (!IsTypeOfWeights(type)) {
    return Damaged(
        path, absl::StrCat(tensor, "has type ", TypeName(type), ", which no weights can have"));
  }
  if (IsElementwise(name) && type != GGML_TYPE_F32) {
    return Damaged(path, absl::StrCat(tensor, "has type ", TypeName(type), ", and must have f32"));
  }
  const std::int64_t* const dimensions = gguf_get_tensor_ne(gguf, id);
  if (std::any_of(dimensions, dimensions + GGML_MAX_DIMS, [](std::int64_t n) { return n <= 0; }))
    return Damaged(path, absl::StrCat(tensor, "is empty"));
  if (const std::int64_t block = ggml_blck_size(type); dimensions[0] % block != 0) {
    return Damaged(
        path, absl::StrCat(tensor, "has rows of ", dimensions[0], " numbers, which are ",
                           "no whole blocks of ", block, " as type ", TypeName(type), " has them"));
  }
  return absl::OkStatus();
}

// libllama counts the tokens again when it has read them all.
absl::Status CheckTokens(const std::string& path, const gguf_context* gguf) {
  const std::int64_t id = gguf_find_key(gguf, "tokenizer.ggml.tokens");
  if (id < 0) return absl::OkStatus();
  if (gguf_get_kv_type(gguf, id) != GGUF_TYPE_ARRAY ||
      gguf_get_arr_type(gguf, id) != GGUF_TYPE_STRING) {
    return Damaged(path, "tokenizer.ggml.tokens is no list of texts");
  }
  absl::flat_hash_map<std::string_view, std::size_t> seen;
  const std::size_t count = gguf_get_arr_n(gguf, id);
  seen.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Empty ones get names of their own.
    const std::string_view token = gguf_get_arr_str(gguf, id, i);
    if (token.empty()) continue;
    if (const auto [first, is_new] = seen.try_emplace(token, i); !is_new)
      return Damaged(path, absl::StrCat("tokens ", first->second, " and ", i, " are the same"));
  }
  return absl::OkStatus();
}

absl::Status CheckLayers(const std::string& path, const std::string& key,
                         const gguf_context* gguf) {
  const std::int64_t id = gguf_find_key(gguf, key.c_str());
  if (id < 0) return Damaged(path, absl::StrCat("it has no ", key));
  if (gguf_get_kv_type(gguf, id) != GGUF_TYPE_UINT32)
    return Damaged(path, absl::StrCat(key, " is no number of 32 bits"));
  const std::uint32_t layers = gguf_get_val_u32(gguf, id);
  if (layers >= 1 && layers <= kMostLayers) return absl::OkStatus();
  return Damaged(path, absl::StrCat(key, " must be 1 to ", kMostLayers, ", not ", layers));
}

}  // namespace

absl::Status CheckTensors(const std::string& path, const gguf_context* gguf) {
  for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf); ++i)
    ABSL_RETURN_IF_ERROR(CheckTensor(path, gguf, i));
  return absl::OkStatus();
}

absl::Status CheckMetadata(const std::string& path, const std::string& architecture,
                           const gguf_context* gguf) {
  ABSL_RETURN_IF_ERROR(CheckLayers(path, absl::StrCat(architecture, ".block_count"), gguf));
  return CheckTokens(path, gguf);
}

}  // namespace chasqui::worker
