// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <gguf.h>

namespace chasqui::synth {

// "u32", "str", "arr[i32]": how ggml calls the type of a key.
std::string GgufTypeText(const gguf_context* gguf, int64_t key);

// The value as text; of an array the first elements, then "...".
std::string GgufValueText(const gguf_context* gguf, int64_t key);

// The value of a key that holds a whole number, or nothing. A negative `key` is none.
std::optional<uint64_t> GgufUnsigned(const gguf_context* gguf, int64_t key);

}  // namespace chasqui::synth
