// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/chasqui/client/interrupts.h"
#include "tools/chasqui/up/installation.h"
#include "tools/chasqui/up/suite_plan.h"
#include "tools/chasqui/up/supervisor.h"

namespace chasqui::cli {

// How a suite is run.
struct SuiteStyle {
  std::string prompt;    // asked once the suite is healthy; empty: nothing
  bool once = false;     // stop after the answer
  bool verbose = false;  // the processes' logs go to standard error
  std::string api_key;   // shown to the router; empty: none
  bool json = false;     // what is told goes to standard output as lines of JSON
};

// The processes of a suite from their start to their end. Confined to the main thread.
class Suite {
 public:
  // NOT_FOUND when a program is missing.
  static absl::StatusOr<SuitePlan> WithPrograms(const Installation& installation, SuitePlan plan);

  // `plan` names its programs by path. What is given outlives this.
  Suite(const Installation& installation, const SuitePlan& plan, SuiteStyle style,
        Interrupts& interrupts);

  // Starts, waits until all is healthy, tells where, asks the prompt, serves until an interrupt (or
  // only as long as the answer takes), stops. OK when everything went well.
  absl::Status Run();

 private:
  void Start();
  // Until every process is healthy; an error when one died or it took too long.
  absl::Status AwaitHealthy();
  void TellEndpoints() const;
  absl::Status AskPrompt();
  // Until interrupted; an error when nothing is left to serve with.
  absl::Status Serve();
  // The router first, while its workers still answer what it relays; then the workers.
  absl::Status Stop();

  const SuitePlan& plan_;
  const SuiteStyle style_;
  Interrupts& interrupts_;
  std::vector<std::string> worker_names_;
  std::atomic<bool> interrupted_ = false;  // once; the next time kills
  Supervisor supervisor_;
};

}  // namespace chasqui::cli
