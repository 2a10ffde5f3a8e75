// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/chat.pb.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "services/inference-worker/chat/answer_parser.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// The tokens and the text of a conversation.
struct RenderedChat {
  std::string text;
  TokenIds tokens;
  std::uint32_t dropped_messages = 0;
  std::uint32_t dropped_tokens = 0;
};

// Renders the whole conversation. Errors as ChatTemplate::Render's; INVALID_ARGUMENT when the
// model's template cannot do what `reasoning` asks for.
absl::StatusOr<RenderedChat> RenderChat(const inference::v1::ChatInput& chat, const Model& model);

// As above, without the oldest messages where the prompt would have more than `most_tokens`.
absl::StatusOr<RenderedChat> RenderNewest(const inference::v1::ChatInput& chat, const Model& model,
                                          std::uint32_t most_tokens);

// How the answer is to be read; nothing: it is text from end to end.
std::optional<AnswerSyntax> SyntaxOf(const inference::v1::ChatInput& chat, const Model& model);

// The control tokens that an answer in the format of the model's family is read by: their names
// are part of the text, for they would leave none.
TokenIds VisibleMarkers(const inference::v1::ChatInput& chat, const Model& model);

// The grammar of an answer to a chat whose tool_choice requires a call. INVALID_ARGUMENT names the
// tool whose arguments cannot be held to.
absl::StatusOr<std::string> RequiredCallGrammar(const inference::v1::ChatInput& chat,
                                                const Model& model);

// How much text the conversation has, in bytes: what rendering's time grows with.
std::size_t TextBytes(const inference::v1::ChatInput& chat);

}  // namespace chasqui::worker
