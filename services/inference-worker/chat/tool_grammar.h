// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/chat.pb.h"
#include "services/inference-worker/chat/chat_format.h"

namespace chasqui::worker {

// The most calls that one answer is held to make.
inline constexpr int kMostRequiredCalls = 16;

// The grammar, in GBNF, of an answer that is nothing but calls of tools that the chat offers, in
// the format of the model's family, with arguments that are valid against the tools' schemas. One
// call where the tool_choice names the tool or the family writes no more; else one or more.
// INVALID_ARGUMENT names the tool and what of its schema cannot be held to. Pure.
absl::StatusOr<std::string> ToolCallGrammar(const inference::v1::ChatInput& chat,
                                            const ChatFormat& format);

}  // namespace chasqui::worker
