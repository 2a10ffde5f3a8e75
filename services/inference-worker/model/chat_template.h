// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace chasqui::worker {

// A piece of a conversation: of the template or its family's format, or of a message.
struct PromptPiece {
  std::string text;
  bool from_message = false;

  bool operator==(const PromptPiece&) const = default;
};

// A turn of a conversation.
struct ChatTurn {
  ChatTurn() = default;
  ChatTurn(std::string role_name, std::string text) : role(std::move(role_name)) {
    content.push_back({std::move(text), true});
  }

  std::string role;  // "system", "user", "assistant", or another that the family knows
  std::vector<PromptPiece> content;
};

// A model's chat template. libllama knows some fifty families of templates by their text, it does
// not run Jinja. Immutable, thread-safe.
class ChatTemplate {
 public:
  // `source` as the model carries it; empty: none.
  explicit ChatTemplate(std::string source);

  // As the model carries it.
  const std::string& source() const { return source_; }

  // Whether it can be applied.
  bool usable() const { return usable_; }

  // Renders the conversation, keeping apart what comes from the messages: their text must not
  // become markers. FAILED_PRECONDITION when there is no template or it is of no known family;
  // INVALID_ARGUMENT when it leaves a message out.
  absl::StatusOr<std::vector<PromptPiece>> Render(const std::vector<ChatTurn>& turns,
                                                  bool add_generation_prompt) const;

 private:
  // A turn whose content is one text.
  struct PlainTurn {
    std::string role;
    std::string content;
  };

  absl::StatusOr<std::string> Apply(const std::vector<PlainTurn>& turns,
                                    bool add_generation_prompt) const;

  const std::string source_;
  bool usable_ = false;
};

// The pieces as one text.
std::string JoinPieces(const std::vector<PromptPiece>& pieces);

}  // namespace chasqui::worker
