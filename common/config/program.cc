// SPDX-License-Identifier: Apache-2.0
#include "common/config/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "common/config/load.h"
#include "common/version/version.h"

namespace chasqui::config {
namespace {

struct Flags {
  std::string file;
  std::vector<std::string> overrides;
  bool print = false;
};

void Declare(const Program& program, CLI::App& app, Flags& flags) {
  app.set_version_flag("--version", absl::StrCat(program.name, " ", version::Version(), " (",
                                                 version::Revision(), ")"));
  app.add_option("--config", flags.file, "YAML file with settings")->type_name("FILE");
  app.add_option("--set", flags.overrides,
                 "One setting, such as queue.max_requests=512; repeatable")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--print-config", flags.print, "Print the effective settings and exit");
  app.footer(absl::StrCat("Settings come from FILE, then from environment variables such as ",
                          program.environment_prefix,
                          "_SERVER_LISTEN_ADDRESS,\nthen from --set; what comes later wins. "
                          "docs/configuration.md lists them."));
}

Outcome Failure(const Program& program, const std::vector<std::string>& problems) {
  Outcome outcome{.exit_code = kBadConfigExit, .out = "", .err = ""};
  for (const std::string& problem : problems) {
    absl::StrAppend(&outcome.err, program.name, ": ", problem, "\n");
  }
  return outcome;
}

}  // namespace

Outcome Parse(const Program& program, const std::vector<std::string>& arguments,
              const Environment& environment, google::protobuf::Message& config,
              Validator validate) {
  CLI::App app{std::string(program.summary), std::string(program.name)};
  Flags flags;
  Declare(program, app, flags);
  try {
    // CLI11 takes the arguments off the end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return {.exit_code = EXIT_SUCCESS, .out = app.help(), .err = ""};
  } catch (const CLI::CallForVersion& call) {
    return {.exit_code = EXIT_SUCCESS, .out = absl::StrCat(call.what(), "\n"), .err = ""};
  } catch (const CLI::ParseError& error) {
    return Failure(program, {error.what()});
  }

  Sources sources;
  if (app.count("--config") > 0) sources.file = flags.file;
  sources.environment = environment;
  sources.environment_prefix = program.environment_prefix;
  sources.overrides = flags.overrides;
  Problems problems;
  Load(sources, config, problems);
  // The rules are checked on what could be read only when all of it could.
  if (!problems.empty()) return Failure(program, std::move(problems).Take());
  if (const std::vector<std::string> broken = validate(config); !broken.empty()) {
    return Failure(program, broken);
  }
  if (flags.print) return {.exit_code = EXIT_SUCCESS, .out = Print(config), .err = ""};
  return {};
}

void PrintOrExit(const Outcome& outcome) {
  std::fwrite(outcome.out.data(), 1, outcome.out.size(), stdout);
  std::fwrite(outcome.err.data(), 1, outcome.err.size(), stderr);
  if (!outcome.exit_code) return;
  std::fflush(stdout);
  std::exit(*outcome.exit_code);  // NOLINT(concurrency-mt-unsafe): before any thread is started
}

}  // namespace chasqui::config
