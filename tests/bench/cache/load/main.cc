// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/rpc/process.h"
#include "tests/bench/cache/load/answer_load.h"

int main(int argc, char** argv) {
  using Kind = chasqui::bench::AnswerLoadKind;
  chasqui::bench::AnswerLoadOptions options;
  const std::map<std::string, Kind> kinds = {
      {"lookup", Kind::kLookup}, {"redis", Kind::kRedis}, {"generate", Kind::kGenerate}};
  CLI::App app("Asks for answers and prints one JSON object", "chasqui-bench-cache-load");
  app.add_option("--target", options.target, "host:port, or unix:/path of Redis")->required();
  app.add_option("--kind", options.kind, "lookup, redis or generate")
      ->required()
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--users", options.users, "Requests at once")->check(CLI::PositiveNumber);
  app.add_option("--answers", options.answers, "Different ones")->check(CLI::PositiveNumber);
  app.add_option("--answer-bytes", options.answer_bytes, "Of each");
  app.add_option("--max-tokens", options.max_tokens, "Of each that is generated");
  app.add_flag("--bypass", options.bypass, "Have every answer generated");
  app.add_option("--warm-up-ms", options.warm_up_ms, "Before the window");
  app.add_option("--window-ms", options.window_ms, "In which is measured");
  CLI11_PARSE(app, argc, argv);
  chasqui::rpc::PrepareProcess();
  const auto report = chasqui::bench::MeasureAnswers(options);
  if (!report.ok()) {
    std::cerr << "chasqui-bench-cache-load: " << report.status() << "\n";
    return 1;
  }
  std::cout << report->dump() << std::endl;
  return 0;
}
