// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include <signal.h>
#include <unistd.h>

#include "tools/chasqui/client/exit_code.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/commands/answer.h"
#include "tools/chasqui/commands/chat_session.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/commands/generate_flags.h"

namespace chasqui::cli {
namespace {

constexpr const char* kPrompt = "> ";

struct Flags {
  GenerateFlags generate;
  std::string system;
};

absl::Status Run(const Flags& flags, bool json, const Connection& connection) {
  absl::StatusOr<chasqui::inference::v1::GenerateRequest> request = flags.generate.Build();
  if (!request.ok()) return request.status();
  if (request->input_case() != chasqui::inference::v1::GenerateRequest::INPUT_NOT_SET &&
      !request->has_chat()) {
    return absl::InvalidArgumentError("chat goes on with a conversation, not with another input");
  }
  ChatSession session(connection, *request, {.json = json, .timings = request->include_timings()});
  if (!flags.system.empty()) session.Take("/system " + flags.system);

  // While an answer runs, StreamAnswer's own scope takes Ctrl-C; this one takes it at the prompt,
  // where the terminal has already dropped what was typed.
  const bool terminal = isatty(STDIN_FILENO) != 0;
  const Interrupts::Scope scope(connection.interrupts(), [terminal](int signal) {
    if (!terminal || signal != SIGINT) _exit(kInterrupted);
    std::cerr << "\n[/quit or Ctrl-D leaves]\n" << kPrompt << std::flush;
  });
  if (terminal) std::cerr << "[/help tells the commands]\n";
  std::string line;
  while (true) {
    if (terminal) std::cerr << kPrompt << std::flush;
    if (!std::getline(std::cin, line)) break;
    if (session.Take(line) == ChatSession::Next::kLeave) return MarkShown(session.failure());
    if (connection.interrupts().told_to_end()) return absl::CancelledError("told to end");
  }
  if (terminal) std::cerr << "\n";
  return MarkShown(session.failure());
}

}  // namespace

void AddChat(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("chat", "Talk with a model, turn by turn; /help in it");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("--system", flags->system, "Instructions for the model");
  flags->generate.AddTo(sub);
  SetClientAction(
      sub, choice,
      [flags, &choice](const Connection& connection) {
        return Run(*flags, choice.json, connection);
      },
      std::chrono::minutes(10));
}

}  // namespace chasqui::cli
