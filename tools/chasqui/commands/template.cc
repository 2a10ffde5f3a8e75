// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/answer.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::ApplyTemplateRequest;
using chasqui::inference::v1::ApplyTemplateResponse;
using chasqui::inference::v1::InferenceService;

struct Flags {
  std::vector<std::string> message;
  ApplyTemplateRequest request;
  std::string chat_file;
  std::string system;
  bool tokens = false;
};

absl::Status SetChat(Flags& flags) {
  chasqui::inference::v1::ChatInput& chat = *flags.request.mutable_chat();
  if (!flags.chat_file.empty()) {
    const absl::StatusOr<std::string> json = ReadFile(flags.chat_file);
    return json.ok() ? FromJson(*json, flags.chat_file, chat) : json.status();
  }
  const absl::StatusOr<std::string> text = TextOrInput(flags.message);
  if (!text.ok()) return text.status();
  if (!flags.system.empty()) {
    AddMessage(chasqui::inference::v1::ROLE_SYSTEM, flags.system, chat);
  }
  AddMessage(chasqui::inference::v1::ROLE_USER, *text, chat);
  return absl::OkStatus();
}

absl::Status Run(Flags& flags, bool json, const Connection& connection) {
  if (const absl::Status chat = SetChat(flags); !chat.ok()) return chat;
  ApplyTemplateResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::ApplyTemplate,
                      *connection.NewStub<InferenceService>(), flags.request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else if (flags.tokens) {
    std::cout << absl::StrJoin(response.token_ids(), " ") << "\n";
  } else {
    std::cout << response.prompt() << (response.prompt().ends_with('\n') ? "" : "\n");
  }
  return status;
}

}  // namespace

void AddTemplate(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("template", "Show how a conversation becomes a prompt");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("message", flags->message, "The user's message; default: standard input");
  sub.add_option("-m,--model", *flags->request.mutable_model(), "Whose template");
  sub.add_option("--system", flags->system, "Instructions before it");
  sub.add_option("--chat-file", flags->chat_file, "A conversation as JSON, as /save of chat writes")
      ->type_name("FILE")
      ->excludes("message")
      ->excludes("--system");
  sub.add_flag("--tokens", flags->tokens, "Show its tokens instead");
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Run(*flags, choice.json, connection);
      },
      std::chrono::seconds(30));
}

}  // namespace chasqui::cli
