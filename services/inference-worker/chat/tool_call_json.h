// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chasqui::worker {

// A call of a tool, as a model wrote it.
struct WrittenCall {
  std::string name;
  std::string arguments_json;  // an object

  bool operator==(const WrittenCall&) const = default;
};

// The calls in a JSON object, or an array of them, of the form {"name": ..., "arguments": {...}};
// "parameters" is the same as "arguments", and neither means no arguments. Nothing when it is no
// such JSON or names a tool that is not among `tools`. Pure.
std::optional<std::vector<WrittenCall>> ParseCalls(std::string_view json,
                                                   const std::vector<std::string>& tools);

// Finds the end of a JSON object or array that comes in pieces. Looks at brackets and strings only:
// whether it is JSON at all is for ParseCalls. Thread-compatible.
class JsonExtent {
 public:
  enum class State { kOpen, kClosed, kTooDeep };

  // Takes the next byte; the first is the opening bracket.
  State Push(char byte);

 private:
  static constexpr std::size_t kMaxDepth = 64;

  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace chasqui::worker
