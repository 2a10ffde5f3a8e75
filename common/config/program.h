// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/functional/function_ref.h"
#include "common/config/environment.h"

namespace chasqui::config {

// What a service's command line says about it.
struct Program {
  std::string_view name;                // "chasqui-router"
  std::string_view summary;             // one line for --help
  std::string_view environment_prefix;  // "CHASQUI_ROUTER"
};

// Exit status of a process whose configuration is wrong (EX_USAGE of sysexits.h).
inline constexpr int kBadConfigExit = 64;

// What a command line came to.
struct Outcome {
  std::optional<int> exit_code;  // none: go on with the configuration
  std::string out;               // for standard output
  std::string err;               // for standard error
};

// Says what is wrong with a configuration, one line each; empty when nothing is.
using Validator = absl::FunctionRef<std::vector<std::string>(const google::protobuf::Message&)>;

// Reads --config FILE, --set PATH=VALUE, --print-config, --help and --version, loads file,
// environment and flags onto `config` (see load.h) and validates the result. Neither prints nor
// exits.
Outcome Parse(const Program& program, const std::vector<std::string>& arguments,
              const Environment& environment, google::protobuf::Message& config,
              Validator validate);

// Prints what `outcome` has to say; does not return when it has an exit code.
void PrintOrExit(const Outcome& outcome);

// For main(): the configuration of this process, or an exit with 0 (after --help, --version or
// --print-config) or kBadConfigExit (after one line for each problem). `defaults` is the message
// that holds for whatever is not set.
//
//   const RouterConfig config = config::ParseOrExit(kProgram, argc, argv, DefaultRouterConfig(),
//                                                   Validate);
template <typename Config, typename Validate>
Config ParseOrExit(const Program& program, int argc, char** argv, Config defaults,
                   const Validate& validate) {
  Config config = std::move(defaults);
  PrintOrExit(Parse(program, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                    ProcessEnvironment(), config, [&](const google::protobuf::Message& message) {
                      return validate(static_cast<const Config&>(message));
                    }));
  return config;
}

}  // namespace chasqui::config
