// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace chasqui::worker {

// How a family of models is told of tools, and calls them.
enum class ToolFamily {
  kGeneric,  // told in words; a call is a JSON object that is the whole answer
  kHermes,   // Hermes, Qwen: <tools>, <tool_call>, <tool_response>
  kLlama3,   // a JSON object with "parameters"; answers from the role "ipython"
  kMistral,  // [AVAILABLE_TOOLS], [TOOL_CALLS], [TOOL_RESULTS]
};

// What of a model's chat template libllama's renderer does not tell: how tools and reasoning are
// written.
struct ChatFormat {
  ToolFamily tools = ToolFamily::kGeneric;
  // Around a tool call in an answer. No beginning: the answer begins with the JSON. No end: the
  // call ends with the JSON.
  std::string_view call_begin;
  std::string_view call_end;
  // Whether an answer may begin with a call's JSON, although there is a beginning.
  bool bare_calls = true;
  // Around the reasoning at the start of an answer.
  std::string_view reasoning_begin = "<think>";
  std::string_view reasoning_end = "</think>";
  // Begins an answer without reasoning. Empty: the template cannot switch it off.
  std::string_view no_reasoning;

  bool operator==(const ChatFormat&) const = default;
};

// The format of the models that carry this template, told by the markers in it. Pure.
ChatFormat FormatOf(std::string_view chat_template);

}  // namespace chasqui::worker
