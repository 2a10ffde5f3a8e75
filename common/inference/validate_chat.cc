// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "common/inference/validate_parts.h"

namespace chasqui::inference {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxCallId = 256;
constexpr int kMaxCalls = 128;

std::size_t CheckParts(const v1::ChatMessage& message, const std::string& path, Violations& v) {
  v.AtMost(path + ".parts", message.parts_size(), 64, "parts");
  if (message.parts_size() == 0 && message.tool_calls_size() == 0)
    v.Add(path + ".parts", "must have at least one part");
  std::size_t bytes = 0;
  for (int i = 0; i < message.parts_size(); ++i) {
    const auto field = absl::StrCat(path, ".parts[", i, "]");
    const auto& part = message.parts(i);
    if (part.content_case() == v1::ContentPart::CONTENT_NOT_SET) v.Add(field, "must have text");
    v.NotImplemented(field + ".image", part.has_image());
    v.NotImplemented(field + ".audio", part.has_audio());
    bytes += part.text().size();
  }
  return bytes;
}

std::size_t CheckCalls(const v1::ChatMessage& message, const std::string& path, Violations& v) {
  v.AtMost(path + ".tool_calls", message.tool_calls_size(), kMaxCalls, "calls");
  if (message.tool_calls_size() > 0 && message.role() != v1::ROLE_ASSISTANT)
    v.Add(path + ".tool_calls", "is for ROLE_ASSISTANT only");
  std::size_t bytes = 0;
  for (int i = 0; i < message.tool_calls_size(); ++i) {
    const auto& call = message.tool_calls(i);
    const auto field = absl::StrCat(path, ".tool_calls[", i, "]");
    v.AtMost(field + ".id", call.id().size(), kMaxCallId, "characters");
    CheckToolName(call.name(), field + ".name", v);
    CheckJsonObject(call.arguments_json(), field + ".arguments_json", v);
    bytes += call.arguments_json().size();
  }
  return bytes;
}

std::size_t CheckMessage(const v1::ChatMessage& message, const std::string& path, Violations& v) {
  if (message.role() < v1::ROLE_SYSTEM || message.role() > v1::ROLE_TOOL) {
    v.Add(path + ".role", absl::StrCat("must be one of ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT and ",
                                       "ROLE_TOOL, is ", message.role()));
  }
  v.AtMost(path + ".name", message.name().size(), kMaxName, "characters");
  v.AtMost(path + ".tool_call_id", message.tool_call_id().size(), kMaxCallId, "characters");
  if (!message.tool_call_id().empty() && message.role() != v1::ROLE_TOOL)
    v.Add(path + ".tool_call_id", "is for ROLE_TOOL only");
  const std::size_t calls = CheckCalls(message, path, v);
  return calls + CheckParts(message, path, v);
}

}  // namespace

void CheckChat(const v1::ChatInput& chat, std::string_view path, Violations& v) {
  const auto messages = absl::StrCat(path, ".messages");
  v.AtMost(messages, chat.messages_size(), 4096, "messages");
  if (chat.messages_size() == 0) v.Add(messages, "must have at least one message");
  std::size_t bytes = 0;
  for (int i = 0; i < chat.messages_size(); ++i)
    bytes += CheckMessage(chat.messages(i), absl::StrCat(messages, "[", i, "]"), v);
  bytes += CheckTools(chat, path, v);
  v.AtMost(messages, bytes, kMaxTextBytes, "bytes of text, that of the tools included");

  if (!v1::ReasoningMode_IsValid(chat.reasoning())) {
    v.Add(absl::StrCat(path, ".reasoning"),
          absl::StrCat("must be a value of ReasoningMode, is ", chat.reasoning()));
  }
}

void CheckTokens(const v1::TokenInput& tokens, std::string_view path, Violations& v) {
  const auto ids = absl::StrCat(path, ".ids");
  if (tokens.ids_size() == 0) v.Add(ids, "must have at least one id");
  v.AtMost(ids, tokens.ids_size(), kMaxTokenIds, "ids");
}

}  // namespace chasqui::inference
