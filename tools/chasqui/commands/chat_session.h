// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "tools/chasqui/client/connection.h"
#include "tools/chasqui/output/answer_printer.h"

namespace chasqui::cli {

// A conversation at the terminal: its history and its commands. Confined to the main thread.
class ChatSession {
 public:
  // What a line came to.
  enum class Next { kGoOn, kLeave };

  // `request` says how to generate; its input is the conversation so far. `connection` outlives
  // this.
  ChatSession(const Connection& connection, chasqui::inference::v1::GenerateRequest request,
              AnswerStyle style);

  // Takes a line of the user: a command, or a message, whose answer is streamed to standard output.
  // What fails is told on standard error, kept for failure(), and ends nothing; a message that got
  // no answer is forgotten.
  Next Take(std::string_view line);

  // The last message that failed, OK if none did or one succeeded since.
  const absl::Status& failure() const { return failure_; }

 private:
  Next Command(std::string_view line);
  void Say(std::string_view message);
  void SetSystem(std::string_view text);
  absl::Status Save(std::string_view path) const;
  chasqui::inference::v1::ChatInput& chat() { return *request_.mutable_chat(); }

  const Connection& connection_;
  chasqui::inference::v1::GenerateRequest request_;
  const AnswerStyle style_;
  absl::Status failure_;
};

}  // namespace chasqui::cli
