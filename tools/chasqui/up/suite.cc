// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/suite.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tools/chasqui/client/connection.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/commands/answer.h"
#include "tools/chasqui/up/progress.h"
#include "tools/chasqui/up/readiness.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::GenerateRequest;

constexpr auto kBetweenQuestions = std::chrono::milliseconds(50);
// Beyond the grace of the processes' own drain, for joining threads and closing files.
constexpr auto kBeyondGrace = std::chrono::seconds(5);
constexpr uint32_t kPromptMaxTokens = 256;

SupervisorEvents Events(bool verbose) {
  SupervisorEvents events;
  events.on_death = [](std::string_view name, const std::string& text) {
    std::cerr << absl::StrCat("chasqui: ", name, " ", text, "\n");
  };
  if (verbose) {
    events.on_line = [](std::string_view name, std::string_view line) {
      std::cerr << absl::StrFormat("%-10s| %s\n", name, line);
    };
  }
  return events;
}

nlohmann::ordered_json Json(const PlannedProcess& process, pid_t pid) {
  return {{"name", process.name},
          {"address", process.address},
          {"metrics", absl::StrCat("http://", process.metrics, "/metrics")},
          {"pid", pid}};
}

}  // namespace

absl::StatusOr<SuitePlan> Suite::WithPrograms(const Installation& installation, SuitePlan plan) {
  std::vector<PlannedProcess*> processes = {&plan.router};
  for (PlannedProcess& worker : plan.workers) processes.push_back(&worker);
  if (plan.cache.has_value()) processes.push_back(&*plan.cache);
  for (PlannedProcess* process : processes) {
    const absl::StatusOr<std::filesystem::path> path = installation.Sibling(process->program);
    if (!path.ok()) return path.status();
    process->program = path->string();
  }
  return plan;
}

Suite::Suite(const Installation& installation, const SuitePlan& plan, SuiteStyle style,
             Interrupts& interrupts)
    : plan_(plan),
      style_(std::move(style)),
      interrupts_(interrupts),
      supervisor_(installation.program().string(), Events(style_.verbose)) {
  for (const PlannedProcess& worker : plan_.workers) worker_names_.push_back(worker.name);
}

absl::Status Suite::Run() {
  const Interrupts::Scope scope(interrupts_, [this](int) {
    interrupted_.exchange(true) ? supervisor_.Kill() : supervisor_.Interrupt();
  });
  Start();
  absl::Status status = AwaitHealthy();
  if (status.ok()) {
    TellEndpoints();
    supervisor_.KeepAlive();
    if (!style_.prompt.empty()) status = AskPrompt();
    if (!style_.once && !absl::IsCancelled(status)) {
      if (!status.ok()) std::cerr << "chasqui: " << ErrorLine(status) << std::endl;
      status = Serve();
    }
  }
  const absl::Status stopped = Stop();
  // An interrupt is how a suite is meant to end, once it has begun to serve.
  return status.ok() ? stopped : status;
}

void Suite::Start() {
  for (const PlannedProcess& worker : plan_.workers) {
    supervisor_.Start({worker.name, worker.program, worker.config});
  }
  supervisor_.Start({plan_.router.name, plan_.router.program, plan_.router.config});
  if (plan_.cache.has_value()) {
    supervisor_.Start({plan_.cache->name, plan_.cache->program, plan_.cache->config});
  }
}

absl::Status Suite::AwaitHealthy() {
  // A picture that refreshes and a log that scrolls do not go together.
  Progress progress(std::cerr, isatty(STDERR_FILENO) != 0 && !style_.verbose);
  Readiness readiness(plan_, style_.api_key);
  const time::SteadyTime deadline = time::SteadyNow() + plan_.start_timeout;
  while (true) {
    progress.Show(readiness.Ask());
    if (readiness.complete()) break;
    const Supervisor::Trouble trouble = supervisor_.WaitForTrouble(kBetweenQuestions);
    if (trouble.interrupted || !trouble.given_up.empty()) progress.Done();
    if (trouble.interrupted) return absl::CancelledError("interrupted while starting");
    if (!trouble.given_up.empty()) return absl::FailedPreconditionError(trouble.reason);
    if (time::SteadyNow() > deadline) {
      progress.Done();
      return absl::DeadlineExceededError(absl::StrCat(
          "the suite is not healthy after ",
          absl::FormatDuration(absl::FromChrono(plan_.start_timeout)), "; --verbose shows why"));
    }
  }
  progress.Done();
  return absl::OkStatus();
}

void Suite::TellEndpoints() const {
  if (style_.json) {
    nlohmann::ordered_json event = {{"event", "ready"}};
    event["router"] = Json(plan_.router, supervisor_.PidOf(plan_.router.name));
    event["workers"] = nlohmann::ordered_json::array();
    for (const PlannedProcess& worker : plan_.workers) {
      event["workers"].push_back(Json(worker, supervisor_.PidOf(worker.name)));
    }
    if (plan_.cache.has_value()) {
      event["cache"] = Json(*plan_.cache, supervisor_.PidOf(plan_.cache->name));
    }
    std::cout << event.dump() << std::endl;
    return;
  }
  const auto tell = [](const PlannedProcess& process) {
    std::cerr << absl::StrFormat("%-10s grpc://%s   metrics http://%s/metrics\n", process.name,
                                 process.address, process.metrics);
  };
  tell(plan_.router);
  for (const PlannedProcess& worker : plan_.workers) tell(worker);
  if (plan_.cache.has_value()) tell(*plan_.cache);
  std::cerr << std::flush;
}

absl::Status Suite::AskPrompt() {
  ConnectionOptions options;
  options.server = plan_.router.address;
  options.timeout = std::chrono::minutes(5);
  options.api_key = style_.api_key;
  const absl::StatusOr<Connection> connection = Connection::Open(options, interrupts_);
  if (!connection.ok()) return connection.status();
  GenerateRequest request;
  AddMessage(chasqui::inference::v1::ROLE_USER, style_.prompt, *request.mutable_chat());
  request.mutable_sampling()->set_temperature(0);
  request.mutable_stop()->set_max_tokens(kPromptMaxTokens);
  request.set_include_timings(true);
  if (!style_.json) std::cerr << "\n> " << style_.prompt << std::endl;
  AnswerPrinter printer(std::cout, std::cerr, {.json = style_.json, .timings = true});
  return StreamAnswer(*connection, request, printer);
}

absl::Status Suite::Serve() {
  if (!style_.json) std::cerr << "\nserving; Ctrl-C stops" << std::endl;
  while (true) {
    const Supervisor::Trouble trouble = supervisor_.WaitForTrouble(std::chrono::hours(1));
    if (trouble.interrupted) return absl::OkStatus();
    if (trouble.given_up.empty()) continue;
    const bool router = std::ranges::contains(trouble.given_up, plan_.router.name);
    if (router || trouble.given_up.size() == plan_.workers.size()) {
      return absl::FailedPreconditionError(trouble.reason);
    }
    std::cerr << "chasqui: given up, the others go on: " << trouble.reason << std::endl;
  }
}

absl::Status Suite::Stop() {
  if (!style_.json) std::cerr << "stopping" << std::endl;
  const time::Duration grace = plan_.drain_grace + kBeyondGrace;
  const bool router = supervisor_.Stop({plan_.router.name}, grace);
  const bool workers = supervisor_.Stop(worker_names_, grace);
  const bool cache = !plan_.cache.has_value() || supervisor_.Stop({plan_.cache->name}, grace);
  if (router && workers && cache) return absl::OkStatus();
  return absl::FailedPreconditionError("not every process ended by itself");
}

}  // namespace chasqui::cli
