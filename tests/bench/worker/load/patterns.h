// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "tests/bench/worker/load/burst.h"
#include "tests/bench/worker/load/closed_loop.h"
#include "tests/bench/worker/load/long_prompt.h"
#include "tests/bench/worker/load/shared_prefix.h"
#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

// The patterns of load as commands of a program, each with its options. Outlives the parsing.
class Patterns {
 public:
  // Adds the commands to `app`, which outlives this.
  explicit Patterns(CLI::App& app);
  Patterns(const Patterns&) = delete;
  Patterns& operator=(const Patterns&) = delete;

  // Runs what was asked for.
  absl::StatusOr<nlohmann::json> Run(StreamClient& client) const;

 private:
  CLI::App& app_;
  BurstOptions burst_;
  ClosedLoopOptions closed_;
  SharedPrefixOptions prefix_;
  LongPromptOptions long_prompt_;
};

}  // namespace chasqui::bench
