// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "tools/chasqui/client/connection.h"
#include "tools/chasqui/client/interrupts.h"

namespace chasqui::cli {

// What the command line asks for; filled in while it is parsed, run afterwards.
struct Choice {
  std::function<absl::Status(Interrupts&)> run;
  bool json = false;  // what fails is told as JSON too
};

// A subcommand that talks to a running suite and nothing else: `run` gets the connection.
using ClientAction = std::function<absl::Status(const Connection&)>;

// Makes `run` what `app` does, and gives `app` the flags that say which server and how, and --json.
// `timeout` is the default of --timeout. Gives what the flags are parsed into.
std::shared_ptr<ConnectionOptions> SetClientAction(CLI::App& app, Choice& choice, ClientAction run,
                                                   time::Duration timeout);

// Adds --json to `app`.
void AddJsonFlag(CLI::App& app, Choice& choice);

// Adds a flag that takes "90", "90s", "5m" or "250ms".
CLI::Option* AddDurationFlag(CLI::App& app, const std::string& name, time::Duration& value,
                             const std::string& help);

// The text of a command: its words joined by spaces, or standard input when there are none.
absl::StatusOr<std::string> TextOrInput(const std::vector<std::string>& words);

// One function for each subcommand; the state behind its flags lives as long as `app`.
void AddCache(CLI::App& app, Choice& choice);
void AddChat(CLI::App& app, Choice& choice);
void AddCompletion(CLI::App& app, Choice& choice);
void AddDetokenize(CLI::App& app, Choice& choice);
void AddEmbed(CLI::App& app, Choice& choice);
void AddFleet(CLI::App& app, Choice& choice);
void AddGenerate(CLI::App& app, Choice& choice);
void AddKeys(CLI::App& app, Choice& choice);
void AddModels(CLI::App& app, Choice& choice);
void AddQueue(CLI::App& app, Choice& choice);
void AddRerank(CLI::App& app, Choice& choice);
void AddTemplate(CLI::App& app, Choice& choice);
void AddTokenize(CLI::App& app, Choice& choice);
void AddVersion(CLI::App& app, Choice& choice);

}  // namespace chasqui::cli
