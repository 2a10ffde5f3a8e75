// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate/chat_mapping.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/status/status_macros.h"
#include "common/status/status.h"
#include "services/inference-worker/chat/chat_turns.h"
#include "services/inference-worker/chat/tool_grammar.h"
#include "services/inference-worker/context/truncate.h"
#include "services/inference-worker/model/prompt_tokens.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

bool AddsGenerationPrompt(const v1::ChatInput& chat) {
  return !chat.has_add_generation_prompt() || chat.add_generation_prompt();
}

absl::Status CheckReasoning(const v1::ChatInput& chat, const ChatFormat& format) {
  if (chat.reasoning() != v1::REASONING_MODE_OFF) return absl::OkStatus();
  if (format.no_reasoning.empty()) {
    return status::InvalidArgument(
        "chat.reasoning", "REASONING_MODE_OFF: the model's chat template cannot switch it off");
  }
  if (!AddsGenerationPrompt(chat)) {
    return status::InvalidArgument("chat.reasoning",
                                   "REASONING_MODE_OFF needs chat.add_generation_prompt");
  }
  return absl::OkStatus();
}

absl::StatusOr<RenderedChat> RenderKept(const v1::ChatInput& chat, const ChatFormat& format,
                                        const Model& model, const std::vector<bool>& keep) {
  ABSL_ASSIGN_OR_RETURN(
      std::vector<PromptPiece> pieces,
      model.chat_template().Render(MakeTurns(chat, format, keep), AddsGenerationPrompt(chat)));
  FinishPieces(chat, format, pieces);
  RenderedChat rendered;
  rendered.text = JoinPieces(pieces);
  rendered.tokens = TokenizeChat(model.vocabulary(), pieces);
  return rendered;
}

}  // namespace

absl::StatusOr<RenderedChat> RenderChat(const v1::ChatInput& chat, const Model& model) {
  const ChatFormat format = FormatOf(model.chat_template().source());
  ABSL_RETURN_IF_ERROR(CheckReasoning(chat, format));
  const std::vector<bool> all(static_cast<std::size_t>(chat.messages_size()), true);
  return RenderKept(chat, format, model, all);
}

absl::StatusOr<RenderedChat> RenderNewest(const v1::ChatInput& chat, const Model& model,
                                          std::uint32_t most_tokens) {
  ABSL_ASSIGN_OR_RETURN(RenderedChat whole, RenderChat(chat, model));
  if (whole.tokens.size() <= most_tokens) return whole;
  const ChatFormat format = FormatOf(model.chat_template().source());
  const auto count = [&](const std::vector<bool>& keep) -> absl::StatusOr<std::size_t> {
    ABSL_ASSIGN_OR_RETURN(const RenderedChat tried, RenderKept(chat, format, model, keep));
    return tried.tokens.size();
  };
  ABSL_ASSIGN_OR_RETURN(const KeptMessages kept, TruncateOldest(chat, most_tokens, count));
  ABSL_ASSIGN_OR_RETURN(RenderedChat newest, RenderKept(chat, format, model, kept.keep));
  newest.dropped_messages = kept.dropped;
  newest.dropped_tokens = static_cast<std::uint32_t>(whole.tokens.size() - newest.tokens.size());
  return newest;
}

std::optional<AnswerSyntax> SyntaxOf(const v1::ChatInput& chat, const Model& model) {
  AnswerSyntax syntax;
  syntax.reasoning_apart = chat.reasoning() == v1::REASONING_MODE_SEPARATE;
  for (const v1::Tool* tool : OfferedTools(chat)) syntax.tools.push_back(tool->name());
  if (!syntax.reasoning_apart && syntax.tools.empty()) return std::nullopt;
  syntax.format = FormatOf(model.chat_template().source());
  return syntax;
}

TokenIds VisibleMarkers(const v1::ChatInput& chat, const Model& model) {
  const ChatFormat format = FormatOf(model.chat_template().source());
  std::vector<std::string_view> names = {format.reasoning_begin, format.reasoning_end};
  if (!OfferedTools(chat).empty()) names.insert(names.end(), {format.call_begin, format.call_end});
  const Vocabulary& vocabulary = model.vocabulary();
  TokenIds visible;
  for (const std::string_view name : names) {
    if (name.empty()) continue;
    const TokenIds tokens = vocabulary.Tokenize(name, Markers::kAreTokens);
    if (tokens.size() == 1 && std::ranges::contains(vocabulary.inner_markers(), tokens.front()))
      visible.push_back(tokens.front());
  }
  return visible;
}

absl::StatusOr<std::string> RequiredCallGrammar(const v1::ChatInput& chat, const Model& model) {
  return ToolCallGrammar(chat, FormatOf(model.chat_template().source()));
}

std::size_t TextBytes(const v1::ChatInput& chat) {
  std::size_t bytes = 0;
  for (const auto& message : chat.messages()) {
    for (const auto& part : message.parts()) bytes += part.text().size();
    for (const auto& call : message.tool_calls()) bytes += call.arguments_json().size();
  }
  for (const auto& tool : chat.tools())
    bytes += tool.description().size() + tool.parameters_json_schema().size();
  return bytes;
}

}  // namespace chasqui::worker
