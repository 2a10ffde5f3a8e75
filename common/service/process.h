// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "chasqui/config/v1/common.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/observability/metrics_endpoint.h"
#include "common/rpc/signal_waiter.h"

namespace chasqui::service {

// What surrounds a service's own server in main(): its log, its metrics, the signals that end it.
// Made first, after rpc::PrepareProcess() and the configuration; outlives the server.
// Confined to the main thread but for the log and the metrics, which are thread-safe.
class Process {
 public:
  // `name` as it stands in logs: "router".
  Process(std::string_view name, const config::v1::ServerConfig& server,
          const config::v1::LogConfig& log);

  const observability::Logger& log() const { return log_; }
  observability::Metrics& metrics() { return metrics_; }
  rpc::SignalWaiter& signals() { return signals_; }

  // Calls `start`, serves the metrics, waits for SIGINT or SIGTERM, calls `drain`, and gives the
  // process's exit status: 0, or 1 when something could not be started. `start` tells where the
  // service listens by returning it in `address`. `drain` tells whether all calls could end by
  // themselves.
  int Run(absl::FunctionRef<absl::Status(std::string& address)> start,
          absl::FunctionRef<bool()> drain);

 private:
  const std::string metrics_address_;
  const observability::Logger log_;
  observability::Metrics metrics_;
  const std::unique_ptr<observability::Metrics::Collector> dropped_lines_;
  std::unique_ptr<observability::MetricsEndpoint> endpoint_;
  rpc::SignalWaiter signals_;
};

}  // namespace chasqui::service
