// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/gguf_value.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chasqui::synth {
namespace {

constexpr size_t kShownElements = 5;

// Calls `visit` with the number that lies at `data`; false when the type is no number.
template <typename Visit>
bool VisitNumber(gguf_type type, const void* data, size_t index, Visit visit) {
  const auto at = [&]<typename T>(T value) {
    std::memcpy(&value, static_cast<const char*>(data) + index * sizeof(T), sizeof(T));
    visit(value);
    return true;
  };
  switch (type) {
    case GGUF_TYPE_UINT8:
      return at(uint8_t{});
    case GGUF_TYPE_INT8:
      return at(int8_t{});
    case GGUF_TYPE_UINT16:
      return at(uint16_t{});
    case GGUF_TYPE_INT16:
      return at(int16_t{});
    case GGUF_TYPE_UINT32:
      return at(uint32_t{});
    case GGUF_TYPE_INT32:
      return at(int32_t{});
    case GGUF_TYPE_FLOAT32:
      return at(float{});
    case GGUF_TYPE_UINT64:
      return at(uint64_t{});
    case GGUF_TYPE_INT64:
      return at(int64_t{});
    case GGUF_TYPE_FLOAT64:
      return at(double{});
    default:
      return false;
  }
}

std::string ElementText(gguf_type type, const void* data, size_t index) {
  if (type == GGUF_TYPE_BOOL) {
    return static_cast<const int8_t*>(data)[index] != 0 ? "true" : "false";
  }
  std::string text;
  VisitNumber(type, data, index, [&text](auto value) {
    if constexpr (sizeof(value) == 1) {
      text = absl::StrCat(static_cast<int>(value));
    } else {
      text = absl::StrCat(value);
    }
  });
  return text;
}

std::string ArrayText(const gguf_context* gguf, int64_t key) {
  const gguf_type type = gguf_get_arr_type(gguf, key);
  const size_t size = gguf_get_arr_n(gguf, key);
  std::string text = "[";
  for (size_t i = 0; i < std::min(size, kShownElements); ++i) {
    const std::string element =
        type == GGUF_TYPE_STRING
            ? absl::StrCat("\"", absl::Utf8SafeCEscape(gguf_get_arr_str(gguf, key, i)), "\"")
            : ElementText(type, gguf_get_arr_data(gguf, key), i);
    absl::StrAppend(&text, i == 0 ? "" : ", ", element);
  }
  return absl::StrCat(text, size > kShownElements ? ", ...]" : "]");
}

}  // namespace

std::string GgufTypeText(const gguf_context* gguf, int64_t key) {
  const gguf_type type = gguf_get_kv_type(gguf, key);
  if (type != GGUF_TYPE_ARRAY) return gguf_type_name(type);
  return absl::StrCat("arr[", gguf_type_name(gguf_get_arr_type(gguf, key)), "]");
}

std::string GgufValueText(const gguf_context* gguf, int64_t key) {
  switch (gguf_get_kv_type(gguf, key)) {
    case GGUF_TYPE_STRING:
      return gguf_get_val_str(gguf, key);
    case GGUF_TYPE_ARRAY:
      return ArrayText(gguf, key);
    default:
      return ElementText(gguf_get_kv_type(gguf, key), gguf_get_val_data(gguf, key), 0);
  }
}

std::optional<uint64_t> GgufUnsigned(const gguf_context* gguf, int64_t key) {
  if (key < 0) return std::nullopt;
  const gguf_type type = gguf_get_kv_type(gguf, key);
  if (type == GGUF_TYPE_STRING || type == GGUF_TYPE_ARRAY) return std::nullopt;
  std::optional<uint64_t> number;
  VisitNumber(type, gguf_get_val_data(gguf, key), 0, [&number]<typename T>(T value) {
    if constexpr (std::is_integral_v<T>) {
      if (value >= T{}) number = static_cast<uint64_t>(value);
    }
  });
  return number;
}

}  // namespace chasqui::synth
