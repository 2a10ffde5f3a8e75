// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chasqui::quantize {

// libllama tells of its quantising by its log only. What is read off it:

// "[  12/ 147] blk.1.ffn_up.weight - [...], type = f16, ...": the work begins on a tensor.
struct TensorLine {
  std::uint32_t number = 0;  // from 1
  std::uint32_t count = 0;
  std::string name;

  bool operator==(const TensorLine&) const = default;
};

// The tensor of a line, or nothing. Pure.
std::optional<TensorLine> ParseTensorLine(std::string_view line);

// The bytes of "...: model size  =   12.34 MiB (16.00 BPW)" or of "quant size", as exact as the
// line is; nothing when it is neither. `what` is "model" or "quant". Pure.
std::optional<std::uint64_t> ParseSizeLine(std::string_view line, std::string_view what);

}  // namespace chasqui::quantize
