// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/chat_session.h"

#include <iostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/commands/answer.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::ChatInput;
using chasqui::inference::v1::ROLE_ASSISTANT;
using chasqui::inference::v1::ROLE_SYSTEM;
using chasqui::inference::v1::ROLE_USER;

constexpr std::string_view kHelp =
    "/system TEXT  instructions for the model; without TEXT none\n"
    "/reset        forget the conversation, keep the instructions\n"
    "/save FILE    write the conversation as JSON\n"
    "/help         this\n"
    "/quit         leave, as Ctrl-D does\n"
    "Ctrl-C ends the answer that is running. A line that begins with // is sent with one /.\n";

bool HasSystem(const ChatInput& chat) {
  return chat.messages_size() > 0 && chat.messages(0).role() == ROLE_SYSTEM;
}

}  // namespace

ChatSession::ChatSession(const Connection& connection,
                         chasqui::inference::v1::GenerateRequest request, AnswerStyle style)
    : connection_(connection), request_(std::move(request)), style_(style) {}

ChatSession::Next ChatSession::Take(std::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.empty()) return Next::kGoOn;
  if (line.starts_with("//")) {
    line.remove_prefix(1);
  } else if (line.starts_with('/')) {
    return Command(line);
  }
  Say(line);
  return Next::kGoOn;
}

ChatSession::Next ChatSession::Command(std::string_view line) {
  const std::size_t space = line.find(' ');
  const std::string_view name = line.substr(0, space);
  const std::string_view argument =
      space == std::string_view::npos ? "" : absl::StripAsciiWhitespace(line.substr(space));
  if (name == "/quit" || name == "/exit") return Next::kLeave;
  if (name == "/system") {
    SetSystem(argument);
  } else if (name == "/reset") {
    chat().mutable_messages()->DeleteSubrange(HasSystem(chat()) ? 1 : 0,
                                              chat().messages_size() - (HasSystem(chat()) ? 1 : 0));
  } else if (name == "/save") {
    const absl::Status saved = Save(argument);
    std::cerr << (saved.ok() ? absl::StrCat("[saved to ", argument, "]") : ErrorLine(saved))
              << "\n";
  } else {
    if (name != "/help") std::cerr << "no command " << name << "; there are:\n";
    std::cerr << kHelp;
  }
  return Next::kGoOn;
}

void ChatSession::Say(std::string_view message) {
  AddMessage(ROLE_USER, message, chat());
  AnswerPrinter printer(std::cout, std::cerr, style_);
  failure_ = StreamAnswer(connection_, request_, printer);
  const bool cancelled = absl::IsCancelled(failure_);
  if (cancelled) {
    std::cerr << "[cancelled]" << std::endl;
    failure_ = absl::OkStatus();
  } else if (!failure_.ok()) {
    std::cerr << (style_.json ? ErrorJson(failure_) : ErrorLine(failure_)) << std::endl;
  }
  // What the user has seen is what the model must remember, even if it was cut off.
  if (printer.text().empty() || !failure_.ok()) {
    chat().mutable_messages()->RemoveLast();
  } else {
    AddMessage(ROLE_ASSISTANT, printer.text(), chat());
  }
}

void ChatSession::SetSystem(std::string_view text) {
  ChatInput changed;
  if (!text.empty()) AddMessage(ROLE_SYSTEM, text, changed);
  for (int i = HasSystem(chat()) ? 1 : 0; i < chat().messages_size(); ++i) {
    *changed.add_messages() = chat().messages(i);
  }
  chat().mutable_messages()->Swap(changed.mutable_messages());
}

absl::Status ChatSession::Save(std::string_view path) const {
  if (path.empty()) return absl::InvalidArgumentError("/save needs the name of a file");
  return WriteFile(std::string(path), absl::StrCat(ToJson(request_.chat()), "\n"));
}

}  // namespace chasqui::cli
