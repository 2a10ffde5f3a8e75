// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chat_format.h"

#include <array>

namespace chasqui::worker {
namespace {

struct ReasoningMarkers {
  std::string_view begin;
  std::string_view end;
};

// <think> stands first, for it is also what models without a word of it in their template write.
constexpr std::array kReasoningMarkers = {
    ReasoningMarkers{"<think>", "</think>"},
    ReasoningMarkers{"<thought>", "</thought>"},
    ReasoningMarkers{"<thinking>", "</thinking>"},
    ReasoningMarkers{"<reasoning>", "</reasoning>"},
    ReasoningMarkers{"[THINK]", "[/THINK]"},
    ReasoningMarkers{"<|START_THINKING|>", "<|END_THINKING|>"},
};

ToolFamily ToolFamilyOf(std::string_view chat_template) {
  if (chat_template.contains("<tool_call>") || chat_template.contains("<|im_start|>"))
    return ToolFamily::kHermes;
  if (chat_template.contains("<|start_header_id|>")) return ToolFamily::kLlama3;
  if (chat_template.contains("[TOOL_CALLS]")) return ToolFamily::kMistral;
  return ToolFamily::kGeneric;
}

}  // namespace

ChatFormat FormatOf(std::string_view chat_template) {
  ChatFormat format;
  format.tools = ToolFamilyOf(chat_template);
  switch (format.tools) {
    case ToolFamily::kHermes:
      format.call_begin = "<tool_call>";
      format.call_end = "</tool_call>";
      format.bare_calls = false;
      break;
    case ToolFamily::kMistral:
      // The marker is a control token in most vocabularies, and then no part of the text.
      format.call_begin = "[TOOL_CALLS]";
      break;
    case ToolFamily::kLlama3:
    case ToolFamily::kGeneric:
      break;
  }
  for (const ReasoningMarkers& markers : kReasoningMarkers) {
    if (!chat_template.contains(markers.end)) continue;
    format.reasoning_begin = markers.begin;
    format.reasoning_end = markers.end;
    break;
  }
  // Qwen3 and those after it: a block without reasoning stands where the model would begin one.
  if (chat_template.contains("enable_thinking") && chat_template.contains("<think>") &&
      chat_template.contains("<|im_start|>")) {
    format.no_reasoning = "<think>\n\n</think>\n\n";
  }
  return format;
}

}  // namespace chasqui::worker
