// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/tool_call_json.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace chasqui::worker {
namespace {

using Json = nlohmann::ordered_json;

std::optional<WrittenCall> AsCall(const Json& json, const std::vector<std::string>& tools) {
  if (!json.is_object()) return std::nullopt;
  const auto name = json.find("name");
  if (name == json.end() || !name->is_string()) return std::nullopt;
  WrittenCall call{.name = name->get<std::string>(), .arguments_json = "{}"};
  if (!std::ranges::contains(tools, call.name)) return std::nullopt;
  for (const char* key : {"arguments", "parameters"}) {
    const auto arguments = json.find(key);
    if (arguments == json.end()) continue;
    if (!arguments->is_object()) return std::nullopt;
    call.arguments_json = arguments->dump(-1, ' ', false, Json::error_handler_t::replace);
    break;
  }
  return call;
}

}  // namespace

std::optional<std::vector<WrittenCall>> ParseCalls(std::string_view json,
                                                   const std::vector<std::string>& tools) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return std::nullopt;
  std::vector<WrittenCall> calls;
  if (!parsed.is_array()) {
    auto call = AsCall(parsed, tools);
    if (!call) return std::nullopt;
    calls.push_back(*std::move(call));
    return calls;
  }
  for (const Json& element : parsed) {
    auto call = AsCall(element, tools);
    if (!call) return std::nullopt;
    calls.push_back(*std::move(call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

JsonExtent::State JsonExtent::Push(char byte) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (byte == '\\') {
      escaped_ = true;
    } else if (byte == '"') {
      in_string_ = false;
    }
    return State::kOpen;
  }
  switch (byte) {
    case '"':
      in_string_ = true;
      return State::kOpen;
    case '{':
    case '[':
      return ++depth_ > kMaxDepth ? State::kTooDeep : State::kOpen;
    case '}':
    case ']':
      return --depth_ == 0 ? State::kClosed : State::kOpen;
    default:
      return State::kOpen;
  }
}

}  // namespace chasqui::worker
