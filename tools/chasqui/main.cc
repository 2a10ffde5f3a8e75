// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "tools/chasqui/client/exit_code.h"
#include "tools/chasqui/client/interrupts.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/up/child.h"
#include "tools/chasqui/up/up.h"

using namespace chasqui::cli;  // NOLINT(google-build-using-namespace): a main of a few lines

int main(int argc, char** argv) {
  // Before anything else, threads above all: this becomes a service of the suite at once.
  if (argc > 1 && argv[1] == kLauncherCommand) return RunLauncher(argc, argv);

  Interrupts interrupts;  // first: no thread may take the signals it takes
  CLI::App app(
      "Chasqui serves large language models over gRPC. Exit codes: 0 done, 1 failed, "
      "64 wrong command line or request, 69 unavailable, 70 a bug, 75 try again later, "
      "77 not permitted, 130 interrupted.",
      "chasqui");
  app.require_subcommand(1);
  Choice choice;
  AddUp(app, choice);
  AddGenerate(app, choice);
  AddCache(app, choice);
  AddChat(app, choice);
  AddTokenize(app, choice);
  AddDetokenize(app, choice);
  AddEmbed(app, choice);
  AddRerank(app, choice);
  AddTemplate(app, choice);
  AddModels(app, choice);
  AddFleet(app, choice);
  AddKeys(app, choice);
  AddQueue(app, choice);
  AddCompletion(app, choice);
  AddVersion(app, choice);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }

  const absl::Status status = choice.run(interrupts);
  if (!status.ok() && !IsShown(status)) {
    std::cout.flush();
    if (choice.json) {
      std::cerr << "{\"error\": " << ErrorJson(status) << "}\n";
    } else {
      std::cerr << "chasqui: " << ErrorLine(status) << "\n";
    }
  }
  return ExitCode(status);
}
