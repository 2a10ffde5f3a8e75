// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/rpc/process.h"
#include "tests/bench/router/load/load_driver.h"

int main(int argc, char** argv) {
  using chasqui::bench::LoadKind;
  chasqui::bench::LoadOptions options;
  double interval_ms = 0;
  int warm_up_ms = 300;
  int window_ms = 1000;
  const std::map<std::string, LoadKind> kinds = {
      {"unary", LoadKind::kUnary}, {"stream", LoadKind::kStream}, {"idle", LoadKind::kIdle}};
  CLI::App app("Puts load on a router and prints one JSON object", "chasqui-bench-router-load");
  app.add_option("--target", options.targets, "host:port; may be repeated")->required();
  app.add_option("--kind", options.kind, "unary, stream or idle")
      ->required()
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--users", options.users, "Requests at once")->check(CLI::PositiveNumber);
  app.add_option("--interval-ms", interval_ms, "Between the messages of a stream");
  app.add_option("--warm-up-ms", warm_up_ms, "Before the window");
  app.add_option("--window-ms", window_ms, "In which is measured")->check(CLI::PositiveNumber);
  app.add_option("--pid", options.pids, "A process to measure; may be repeated");
  CLI11_PARSE(app, argc, argv);
  options.interval = std::chrono::microseconds(static_cast<int64_t>(interval_ms * 1000));
  options.warm_up = std::chrono::milliseconds(warm_up_ms);
  options.window = std::chrono::milliseconds(window_ms);

  chasqui::rpc::PrepareProcess();
  const auto report = chasqui::bench::LoadDriver(options).Run();
  if (!report.ok()) {
    std::cerr << "chasqui-bench-router-load: " << report.status() << "\n";
    return 1;
  }
  std::cout << report->dump() << std::endl;
  return 0;
}
