// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/status/status_macros.h"
#include "common/config/program.h"
#include "common/rpc/process.h"
#include "common/service/process.h"
#include "services/router/router_config.h"
#include "services/router/router_server.h"

int main(int argc, char** argv) {
  using namespace chasqui;
  rpc::PrepareProcess();
  const config::v1::RouterConfig config = config::ParseOrExit(
      {.name = "chasqui-router",
       .summary = "Spreads requests for language models over inference workers.",
       .environment_prefix = "CHASQUI_ROUTER"},
      argc, argv, router::DefaultConfig(), router::Validate);

  service::Process process("router", config.server(), config.log());
  router::RouterServer server(config, process.metrics(), process.log());
  return process.Run(
      [&](std::string& address) -> absl::Status {
        ABSL_RETURN_IF_ERROR(server.Start());
        address = server.listen_address();
        return absl::OkStatus();
      },
      [&] { return server.Drain(); });
}
