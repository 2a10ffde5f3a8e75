// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "common/rpc/process.h"
#include "tests/bench/worker/load/grpc_stream_client.h"
#include "tests/bench/worker/load/http_stream_client.h"
#include "tests/bench/worker/load/patterns.h"

namespace {

namespace bench = chasqui::bench;

struct Target {
  std::string protocol = "grpc";
  std::string address;
  std::string model;
  bool cache_prompt = false;
};

void AddOptions(CLI::App& app, Target& target) {
  app.add_option("--protocol", target.protocol, "grpc: a worker or router; http: llama-server")
      ->check(CLI::IsMember({"grpc", "http"}));
  app.add_option("--target", target.address, "host:port")->required();
  app.add_option("--model", target.model, "The model's name, for grpc");
  app.add_flag("--cache-prompt", target.cache_prompt,
               "Let the server use what it has computed for other prompts, for http");
}

absl::StatusOr<std::unique_ptr<bench::StreamClient>> Connect(const Target& target) {
  if (target.protocol == "grpc") {
    return bench::GrpcStreamClient::Connect(target.address, target.model);
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return std::make_unique<bench::HttpStreamClient>(target.address, target.cache_prompt);
}

absl::StatusOr<nlohmann::json> Run(const Target& target, const bench::Patterns& patterns) {
  ABSL_ASSIGN_OR_RETURN(const auto client, Connect(target));
  return patterns.Run(*client);
}

}  // namespace

int main(int argc, char** argv) {
  Target target;
  CLI::App app("Puts a pattern of load on a server and prints one JSON object",
               "chasqui-bench-worker-load");
  AddOptions(app, target);
  bench::Patterns patterns(app);
  CLI11_PARSE(app, argc, argv);

  chasqui::rpc::PrepareProcess();
  const auto report = Run(target, patterns);
  if (!report.ok()) {
    std::cerr << "chasqui-bench-worker-load: " << report.status() << "\n";
    return 1;
  }
  std::cout << report->dump() << std::endl;
  return 0;
}
