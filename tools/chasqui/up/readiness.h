// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>

#include "tools/chasqui/up/suite_plan.h"

namespace chasqui::cli {

// Asks the processes of a suite whether they are healthy, and the router whether it knows all
// workers. Confined to one thread; blocks for at most a second a question.
class Readiness {
 public:
  // `plan` outlives this. `api_key` is shown to the router, which may tell only operators of its
  // workers; empty: none.
  Readiness(const SuitePlan& plan, std::string api_key)
      : plan_(plan), api_key_(std::move(api_key)) {}

  // What is known of each process after asking once: "starting", "healthy", "joined".
  std::map<std::string, std::string> Ask();

  // Whether the last Ask() found every process healthy and every worker joined.
  bool complete() const { return complete_; }

 private:
  bool Healthy(const PlannedProcess& process);
  void AskRouter(std::map<std::string, std::string>& states);

  const SuitePlan& plan_;
  const std::string api_key_;
  std::map<std::string, bool> healthy_;  // what was healthy once need not be asked again
  bool complete_ = false;
};

}  // namespace chasqui::cli
