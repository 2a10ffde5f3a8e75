// SPDX-License-Identifier: Apache-2.0
// chasqui-inference-worker: owns llama.cpp and serves chasqui.inference.v1 with it.

#include "common/config/program.h"
#include "common/rpc/process.h"
#include "common/service/process.h"
#include "services/inference-worker/inference_worker_config.h"
#include "services/inference-worker/inference_worker_server.h"

namespace {

constexpr chasqui::config::Program kProgram{
    .name = "chasqui-inference-worker",
    .summary = "Serves large language models with llama.cpp.",
    .environment_prefix = "CHASQUI_INFERENCE_WORKER",
};

}  // namespace

int main(int argc, char** argv) {
  using namespace chasqui;  // NOLINT(google-build-using-namespace)
  rpc::PrepareProcess();
  const auto config =
      config::ParseOrExit(kProgram, argc, argv, worker::DefaultConfig(), worker::Validate);
  service::Process process("inference-worker", config.server(), config.log());
  worker::InferenceWorkerServer server(config, process.log(), process.metrics());
  return process.Run(
      [&](std::string& address) {
        const absl::Status started = server.Start();
        address = server.address();
        return started;
      },
      [&] { return server.Drain(); });
}
