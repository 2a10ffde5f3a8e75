// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "common/rpc/process.h"
#include "common/rpc/signal_waiter.h"
#include "tools/mock-worker/mock_worker.h"

namespace {

using chasqui::mock_worker::MockWorker;
using chasqui::mock_worker::MockWorkerOptions;

int Fail(int code, const absl::Status& status) {
  std::cerr << "chasqui-mock-worker: " << status.message() << "\n";
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  MockWorkerOptions options;
  int workers = 1;
  std::string prefix = "mock-";
  std::string behaviour;
  CLI::App app("A worker without a model, for tests and benchmarks", "chasqui-mock-worker");
  app.add_option("--workers", workers, "How many")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--id-prefix", prefix, "Their ids begin with this")->capture_default_str();
  app.add_option("--listen", options.listen, "Where; only one worker can have a fixed port")
      ->capture_default_str();
  app.add_option("--router", options.routers, "A router to join (host:port); may be repeated");
  app.add_option("--model", options.model, "The model's name")->capture_default_str();
  app.add_option("--slots", options.slots, "Requests at once, of each worker")
      ->capture_default_str();
  app.add_option("--behaviour", behaviour, "How requests are answered that do not say it");
  CLI11_PARSE(app, argc, argv);
  const auto parsed = chasqui::mock_worker::ParseBehaviour(behaviour, {});
  if (!parsed.ok()) return Fail(64, parsed.status());
  options.behaviour = *parsed;
  options.incarnation = chasqui::time::RealClock().SystemNow().time_since_epoch().count();
  if (workers > 8) options.calls_requested_ahead = 4;  // many servers: little memory for each

  chasqui::rpc::PrepareProcess();
  chasqui::rpc::SignalWaiter signals;
  std::vector<std::unique_ptr<MockWorker>> fleet;
  for (int i = 0; i < workers; ++i) {
    options.id = absl::StrCat(prefix, i);
    fleet.push_back(std::make_unique<MockWorker>(options));
    if (const absl::Status status = fleet.back()->Start(); !status.ok()) return Fail(1, status);
    std::cout << fleet.back()->id() << " " << fleet.back()->address() << "\n";
  }
  std::cout << "ready" << std::endl;
  signals.WaitForStop();
  for (const auto& worker : fleet) worker->Stop(std::chrono::seconds(1));
  return 0;
}
