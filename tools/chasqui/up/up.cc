// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/up.h"

#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/config/load.h"
#include "tools/chasqui/up/installation.h"
#include "tools/chasqui/up/machine.h"
#include "tools/chasqui/up/suite.h"
#include "tools/chasqui/up/suite_plan.h"

namespace chasqui::cli {
namespace {

constexpr const char* kDefaultPrompt = "What is the capital of France?";

struct Flags {
  SuiteSources sources;
  std::string prompt = kDefaultPrompt;
  bool once = false;
  bool verbose = false;
  bool print_config = false;
  std::string api_key;
};

absl::Status Run(const Flags& flags, bool json, Interrupts& interrupts) {
  absl::StatusOr<config::v1::SuiteConfig> suite = LoadSuite(flags.sources);
  if (!suite.ok()) return suite.status();
  const absl::StatusOr<Installation> installation = Installation::Find();
  if (!installation.ok()) return installation.status();
  if (suite->worker().models().empty()) {
    const absl::StatusOr<std::filesystem::path> model = installation->DefaultModel();
    if (!model.ok()) return model.status();
    suite->mutable_worker()->add_models()->set_path(model->string());
  }
  if (flags.print_config) {
    std::cout << config::Print(*suite);
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<uint16_t>> ports = FreePorts(PortsNeeded(*suite));
  if (!ports.ok()) return ports.status();
  const absl::StatusOr<SuitePlan> plan =
      Suite::WithPrograms(*installation, PlanSuite(*suite, *ports, PhysicalCores()));
  if (!plan.ok()) return plan.status();
  return Suite(*installation, *plan,
               {.prompt = flags.prompt,
                .once = flags.once,
                .verbose = flags.verbose,
                .api_key = flags.api_key,
                .json = json},
               interrupts)
      .Run();
}

// Empty where nobody has a home.
std::string AnswersDirectory() {
  const std::string home = config::EnvironmentVariable("HOME").value_or("");
  const std::string caches = config::EnvironmentVariable("XDG_CACHE_HOME")
                                 .value_or(home.empty() ? "" : absl::StrCat(home, "/.cache"));
  return caches.empty() ? "" : absl::StrCat(caches, "/chasqui/answers");
}

}  // namespace

void AddUp(CLI::App& app, Choice& choice) {
  CLI::App& sub = *app.add_subcommand("up", "Run a suite on this machine until Ctrl-C");
  const auto flags = std::make_shared<Flags>();
  SuiteSources& sources = flags->sources;
  sub.add_option("--config", sources.file, "SuiteConfig as YAML; default: what is embedded")
      ->type_name("FILE");
  sub.add_option("--set", sources.overrides,
                 "A setting, such as router.queue.max_requests=8; may be given again")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  sub.add_option("--port", sources.port, "Port of the router; 0 takes a free one; default: 50051");
  sub.add_option("--workers", sources.workers, "How many workers; default: 2");
  sub.add_option("--model", sources.model, "The GGUF file; default: the one that ships");
  sub.add_option("--prompt", flags->prompt, "A question to begin with; empty: none")
      ->capture_default_str();
  sub.add_flag("--once", flags->once, "Stop after the answer");
  sub.add_flag("--verbose", flags->verbose, "Show the logs of all processes");
  sub.add_flag("--print-config", flags->print_config, "Print the configuration and stop");
  AddJsonFlag(sub, choice);
  sub.callback([flags, &choice] {
    flags->sources.environment = config::ProcessEnvironment();
    flags->sources.answers_directory = AnswersDirectory();
    flags->api_key = config::EnvironmentVariable("CHASQUI_API_KEY").value_or("");
    choice.run = [flags, &choice](Interrupts& interrupts) {
      return Run(*flags, choice.json, interrupts);
    };
  });
}

}  // namespace chasqui::cli
