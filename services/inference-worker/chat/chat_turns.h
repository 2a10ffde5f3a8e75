// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "chasqui/inference/v1/chat.pb.h"
#include "services/inference-worker/chat/chat_format.h"
#include "services/inference-worker/model/chat_template.h"

namespace chasqui::worker {

// The tools that may be called: those of the chat, fewer when its tool_choice says so.
std::vector<const inference::v1::Tool*> OfferedTools(const inference::v1::ChatInput& chat);

// The messages as turns of the chat template, tools, their calls and answers written in the format
// of the model's family. `keep` tells which messages; it is as long as they are. Markers that the
// format writes become tokens, what comes from the request stays text. Pure.
std::vector<ChatTurn> MakeTurns(const inference::v1::ChatInput& chat, const ChatFormat& format,
                                const std::vector<bool>& keep);

// Puts what has no place in a turn into the rendered conversation. Pure.
void FinishPieces(const inference::v1::ChatInput& chat, const ChatFormat& format,
                  std::vector<PromptPiece>& pieces);

}  // namespace chasqui::worker
