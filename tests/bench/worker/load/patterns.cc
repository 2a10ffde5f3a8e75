// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/patterns.h"

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace chasqui::bench {
namespace {

void AddCount(CLI::App& command, const std::string& name, uint32_t& value,
              const std::string& description) {
  command.add_option(name, value, description)->check(CLI::PositiveNumber)->capture_default_str();
}

template <typename Options>
CLI::App& AddCommand(CLI::App& app, const std::string& name, const std::string& description,
                     Options& options) {
  CLI::App& command = *app.add_subcommand(name, description);
  command.add_option("--vocabulary", options.vocabulary, "Of the model")
      ->check(CLI::Range(300, 1 << 20));
  command.add_option("--seed", options.seed, "Of the prompts");
  return command;
}

}  // namespace

Patterns::Patterns(CLI::App& app) : app_(app) {
  app.require_subcommand(1);

  CLI::App& burst = AddCommand(app, "burst", "Streams that start together", burst_);
  AddCount(burst, "--concurrent", burst_.concurrent, "Streams at once");
  AddCount(burst, "--prompt-tokens", burst_.prompt_tokens, "Of each");
  AddCount(burst, "--generated-tokens", burst_.generated_tokens, "Of each");
  burst.add_option("--pid", burst_.pids, "A process of the server; may be repeated");

  CLI::App& closed = AddCommand(app, "closed", "Users who ask again and again", closed_);
  AddCount(closed, "--users", closed_.users, "At once");
  AddCount(closed, "--requests", closed_.requests, "Of all users together");

  CLI::App& prefix = AddCommand(app, "prefix", "Prompts that begin alike", prefix_);
  AddCount(prefix, "--prefix-tokens", prefix_.prefix_tokens, "That they share");

  CLI::App& gap = AddCommand(app, "gap", "A long prompt amid streams that generate", long_prompt_);
  AddCount(gap, "--running", long_prompt_.running, "Streams that generate");
  AddCount(gap, "--prompt-tokens", long_prompt_.prompt_tokens, "Of the long prompt");
}

absl::StatusOr<nlohmann::json> Patterns::Run(StreamClient& client) const {
  if (app_.got_subcommand("burst")) return RunBurst(client, burst_);
  if (app_.got_subcommand("closed")) return RunClosedLoop(client, closed_);
  if (app_.got_subcommand("prefix")) return RunSharedPrefix(client, prefix_);
  return RunLongPrompt(client, long_prompt_);
}

}  // namespace chasqui::bench
