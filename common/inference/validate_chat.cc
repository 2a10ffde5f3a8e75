// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "common/inference/validate_parts.h"

namespace chasqui::inference {
namespace {

std::size_t CheckParts(const v1::ChatMessage& message, const std::string& path, Violations& v) {
  v.AtMost(path + ".parts", message.parts_size(), 64, "parts");
  if (message.parts_size() == 0) v.Add(path + ".parts", "must have at least one part");
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

std::size_t CheckMessage(const v1::ChatMessage& message, const std::string& path, Violations& v) {
  if (message.role() < v1::ROLE_SYSTEM || message.role() > v1::ROLE_TOOL) {
    v.Add(path + ".role", absl::StrCat("must be one of ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT and ",
                                       "ROLE_TOOL, is ", message.role()));
  }
  v.NotImplemented(path + ".name", !message.name().empty());
  v.NotImplemented(path + ".tool_calls", message.tool_calls_size() > 0);
  v.NotImplemented(path + ".tool_call_id", !message.tool_call_id().empty());
  return CheckParts(message, path, v);
}

}  // namespace

void CheckChat(const v1::ChatInput& chat, std::string_view path, Violations& v) {
  const auto messages = absl::StrCat(path, ".messages");
  v.AtMost(messages, chat.messages_size(), 4096, "messages");
  if (chat.messages_size() == 0) v.Add(messages, "must have at least one message");
  std::size_t bytes = 0;
  for (int i = 0; i < chat.messages_size(); ++i)
    bytes += CheckMessage(chat.messages(i), absl::StrCat(messages, "[", i, "]"), v);
  v.AtMost(messages, bytes, kMaxTextBytes, "bytes of text");

  v.NotImplemented(absl::StrCat(path, ".tools"), chat.tools_size() > 0);
  v.NotImplemented(absl::StrCat(path, ".tool_choice"), chat.has_tool_choice());
  const bool inline_reasoning = chat.reasoning() == v1::REASONING_MODE_UNSPECIFIED ||
                                chat.reasoning() == v1::REASONING_MODE_INLINE;
  v.NotImplemented(absl::StrCat(path, ".reasoning"), !inline_reasoning);
}

void CheckTokens(const v1::TokenInput& tokens, std::string_view path, Violations& v) {
  const auto ids = absl::StrCat(path, ".ids");
  if (tokens.ids_size() == 0) v.Add(ids, "must have at least one id");
  v.AtMost(ids, tokens.ids_size(), kMaxTokenIds, "ids");
}

}  // namespace chasqui::inference
