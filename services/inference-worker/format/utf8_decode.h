// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chasqui::worker {

// The first character of a text, and its length in bytes.
struct Utf8Char {
  std::uint32_t value = 0;
  std::size_t size = 0;  // 0: the text is empty or does not begin with a character
};
Utf8Char DecodeUtf8(std::string_view text);

// Where `text` stops being valid UTF-8; nothing when all of it is.
std::optional<std::size_t> FirstInvalidUtf8(std::string_view text);

}  // namespace chasqui::worker
