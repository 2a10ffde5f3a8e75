// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/chat_template.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <ranges>
#include <utility>

#include <llama.h>

#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::worker {
namespace {

// Stands in for the content of a message while the template is applied, so that what comes out can
// be told apart from the template's own text. The white space around it tells whether the template
// trims contents: no template writes vertical tabs itself.
constexpr char kTab = '\v';

std::string Mark(std::size_t index) { return absl::StrCat("\x02", index, "\x03"); }

void StripLeading(std::vector<PromptPiece>& content) {
  for (PromptPiece& piece : content) {
    absl::StripLeadingAsciiWhitespace(&piece.text);
    if (!piece.text.empty()) return;
  }
}

void StripTrailing(std::vector<PromptPiece>& content) {
  for (PromptPiece& piece : std::views::reverse(content)) {
    absl::StripTrailingAsciiWhitespace(&piece.text);
    if (!piece.text.empty()) return;
  }
}

absl::Status Unusable(std::string_view why) {
  return status::Error(absl::StatusCode::kFailedPrecondition, "NO_CHAT_TEMPLATE", why);
}

}  // namespace

ChatTemplate::ChatTemplate(std::string source) : source_(std::move(source)) {
  const std::vector<PlainTurn> probe(1, PlainTurn{"user", "x"});
  usable_ = !source_.empty() && Apply(probe, true).ok();
}

absl::StatusOr<std::string> ChatTemplate::Apply(const std::vector<PlainTurn>& turns,
                                                bool add_generation_prompt) const {
  std::vector<llama_chat_message> messages;
  std::size_t size = 256;
  for (const auto& turn : turns) {
    messages.push_back({turn.role.c_str(), turn.content.c_str()});
    size += 64 + turn.content.size();
  }
  std::string text;
  std::int32_t needed = static_cast<std::int32_t>(size);
  try {
    do {  // a second time when the buffer was too small
      text.resize(static_cast<std::size_t>(needed));
      needed = llama_chat_apply_template(source_.c_str(), messages.data(), messages.size(),
                                         add_generation_prompt, text.data(),
                                         static_cast<std::int32_t>(text.size()));
    } while (needed > static_cast<std::int32_t>(text.size()));
  } catch (const std::exception& error) {
    return Unusable(absl::StrCat("the model's chat template failed: ", error.what()));
  }
  if (needed < 0) {
    return Unusable(
        "the model's chat template is of no family that libllama knows; "
        "send a prompt instead");
  }
  text.resize(static_cast<std::size_t>(needed));
  return text;
}

absl::StatusOr<std::vector<PromptPiece>> ChatTemplate::Render(const std::vector<ChatTurn>& turns,
                                                              bool add_generation_prompt) const {
  if (source_.empty()) return Unusable("the model has no chat template; send a prompt instead");
  std::vector<PlainTurn> marked;
  for (std::size_t i = 0; i < turns.size(); ++i)
    marked.push_back({turns[i].role, absl::StrCat("\v", Mark(i), "\v")});
  ABSL_ASSIGN_OR_RETURN(const std::string text, Apply(marked, add_generation_prompt));

  std::vector<PromptPiece> pieces;
  std::size_t done = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const std::string mark = Mark(i);
    std::size_t begin = text.find(mark, done);
    if (begin == std::string::npos) {
      return status::InvalidArgument(
          absl::StrCat("chat.messages[", i, "]"),
          absl::StrCat("the model's chat template has no place for role ", turns[i].role, " here"));
    }
    std::size_t end = begin + mark.size();
    std::vector<PromptPiece> content = turns[i].content;
    if (begin > done && text[begin - 1] == kTab) {
      --begin;
    } else {
      StripLeading(content);
    }
    if (end < text.size() && text[end] == kTab) {
      ++end;
    } else {
      StripTrailing(content);
    }
    pieces.push_back({text.substr(done, begin - done), false});
    std::ranges::move(content, std::back_inserter(pieces));
    done = end;
  }
  pieces.push_back({text.substr(done), false});
  std::erase_if(pieces, [](const PromptPiece& piece) { return piece.text.empty(); });
  return pieces;
}

std::string JoinPieces(const std::vector<PromptPiece>& pieces) {
  std::string text;
  for (const auto& piece : pieces) text += piece.text;
  return text;
}

}  // namespace chasqui::worker
