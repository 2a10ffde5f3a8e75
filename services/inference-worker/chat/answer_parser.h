// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "services/inference-worker/chat/chat_format.h"
#include "services/inference-worker/chat/tool_call_json.h"

namespace chasqui::worker {

// What an answer's text turned out to be, in the order of their lines.
struct AnswerParts {
  std::string reasoning;
  std::string text;
  std::vector<WrittenCall> calls;

  bool empty() const { return reasoning.empty() && text.empty() && calls.empty(); }
  bool operator==(const AnswerParts&) const = default;
};

// How an answer is to be read.
struct AnswerSyntax {
  ChatFormat format;
  bool reasoning_apart = false;    // else it stays in the text, markers and all
  std::vector<std::string> tools;  // names of those that may be called; none: text is no call
};

// Tells the text of an answer, which comes in pieces, apart from reasoning and tool calls. What it
// gives does not depend on how the text is cut. Text is held back only while it may be the
// beginning of a marker or of a call; a call comes in one piece, when it is whole. What begins like
// a call but is none, for its JSON is broken or names no tool of the request, is text. Reasoning is
// looked for at the start of the answer only. Thread-compatible.
class AnswerParser {
 public:
  explicit AnswerParser(AnswerSyntax syntax);

  // Takes `text` and appends to `parts` what is certain.
  void Push(std::string_view text, AnswerParts& parts);
  // No more text comes: appends what was held back.
  void Finish(AnswerParts& parts);

  // Whether it is not yet certain that the answer begins without reasoning.
  bool at_start() const { return state_ == State::kStart; }
  bool in_reasoning() const { return state_ == State::kReasoning; }
  // Whether nothing but white space came after the last call.
  bool ends_in_calls() const { return ends_in_calls_; }
  // Whether text is held back.
  bool holds() const { return !held_.empty(); }

 private:
  enum class State { kStart, kReasoning, kBody, kText, kCall, kAfterCall };

  // Each looks at what is held; false: more must come first.
  bool Step(AnswerParts& parts);
  bool AtStart(AnswerParts& parts);
  bool InReasoning(AnswerParts& parts);
  bool AtBody();
  bool InText(AnswerParts& parts);
  bool InCall(AnswerParts& parts);
  bool AfterCall();

  // What is held begins with a call whose marker ends at `json`.
  void OpenCall(std::size_t json);
  bool ScanJson(AnswerParts& parts);
  bool CloseCall(AnswerParts& parts);
  bool NoCall(std::size_t size, AnswerParts& parts);

  bool calls_possible() const { return !syntax_.tools.empty(); }
  bool BeginsBare(char byte) const;
  void Emit(std::size_t size, AnswerParts& parts);

  AnswerSyntax syntax_;
  State state_ = State::kStart;
  std::string held_;
  bool finished_ = false;
  bool drop_white_space_ = false;  // that which stands between reasoning and text
  bool ends_in_calls_ = false;

  // Of the call at the beginning of what is held.
  JsonExtent extent_;
  std::size_t json_begin_ = 0;
  std::size_t scanned_ = 0;  // so much is looked at
  bool json_open_ = false;
  bool json_closed_ = false;
  std::size_t json_end_ = 0;
};

}  // namespace chasqui::worker
