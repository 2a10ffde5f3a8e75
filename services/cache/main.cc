// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/status/status_macros.h"
#include "common/config/program.h"
#include "common/rpc/process.h"
#include "common/service/process.h"
#include "services/cache/cache_config.h"
#include "services/cache/cache_server.h"

int main(int argc, char** argv) {
  using namespace chasqui;
  rpc::PrepareProcess();
  const config::v1::CacheConfig config = config::ParseOrExit(
      {.name = "chasqui-cache",
       .summary = "Remembers answers, and lets identical requests share one generation.",
       .environment_prefix = "CHASQUI_CACHE"},
      argc, argv, cache::DefaultConfig(), cache::Validate);

  service::Process process("cache", config.server(), config.log());
  cache::CacheServer server(config, process.metrics(), process.log());
  return process.Run(
      [&](std::string& address) -> absl::Status {
        ABSL_RETURN_IF_ERROR(server.Start());
        address = server.listen_address();
        return absl::OkStatus();
      },
      [&] { return server.Drain(); });
}
