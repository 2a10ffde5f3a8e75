// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "common/rpc/process.h"
#include "tests/bench/worker/load/burst.h"
#include "tests/bench/worker/load/grpc_stream_client.h"
#include "tests/bench/worker/load/http_stream_client.h"

namespace {

using chasqui::bench::GrpcStreamClient;
using chasqui::bench::HttpStreamClient;
using chasqui::bench::StreamClient;

int Fail(const absl::Status& status) {
  std::cerr << "chasqui-bench-worker-load: " << status << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string protocol = "grpc";
  std::string target;
  std::string model;
  chasqui::bench::BurstOptions burst;
  CLI::App app("Asks a server for a burst of streams and prints one JSON object",
               "chasqui-bench-worker-load");
  app.add_option("--protocol", protocol, "grpc: a worker or router; http: llama-server")
      ->check(CLI::IsMember({"grpc", "http"}));
  app.add_option("--target", target, "host:port")->required();
  app.add_option("--model", model, "The model's name, for grpc");
  app.add_option("--concurrent", burst.concurrent, "Streams at once")->check(CLI::PositiveNumber);
  app.add_option("--prompt-tokens", burst.prompt_tokens, "Of each")->check(CLI::PositiveNumber);
  app.add_option("--generated-tokens", burst.generated_tokens, "Of each")
      ->check(CLI::PositiveNumber);
  app.add_option("--vocabulary", burst.vocabulary, "Of the model")->check(CLI::Range(300, 1 << 20));
  app.add_option("--seed", burst.seed, "Of the prompts");
  app.add_option("--pid", burst.pids, "A process of the server; may be repeated");
  CLI11_PARSE(app, argc, argv);

  chasqui::rpc::PrepareProcess();
  std::unique_ptr<StreamClient> client;
  if (protocol == "grpc") {
    auto connected = GrpcStreamClient::Connect(target, model);
    if (!connected.ok()) return Fail(connected.status());
    client = *std::move(connected);
  } else {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client = std::make_unique<HttpStreamClient>(target);
  }
  const auto report = chasqui::bench::RunBurst(*client, burst);
  if (!report.ok()) return Fail(report.status());
  std::cout << report->dump() << std::endl;
  return 0;
}
