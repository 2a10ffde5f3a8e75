// SPDX-License-Identifier: Apache-2.0
#include "common/service/process.h"

#include <csignal>
#include <utility>

#include "common/version/version.h"

namespace chasqui::service {

Process::Process(std::string_view name, const config::v1::ServerConfig& server,
                 const config::v1::LogConfig& log)
    : metrics_address_(server.metrics_address()),
      log_(observability::LogOptionsFrom(name, log)),
      metrics_(name),
      dropped_lines_(metrics_.OnCollect(
          [this, &dropped = metrics_.AddCounter("chasqui_log_lines_dropped_total",
                                                "Log lines dropped because the queue was full.")] {
            dropped.Increment(static_cast<double>(log_.dropped_lines()) - dropped.Value());
          })) {}

int Process::Run(absl::FunctionRef<absl::Status(std::string& address)> start,
                 absl::FunctionRef<bool()> drain) {
  auto endpoint = observability::MetricsEndpoint::Start(metrics_address_, metrics_);
  if (!endpoint.ok()) {
    log_.Error("cannot serve metrics", {{"error", endpoint.status()}});
    return 1;
  }
  endpoint_ = *std::move(endpoint);

  std::string address;
  if (const absl::Status started = start(address); !started.ok()) {
    log_.Error("cannot start", {{"error", started}});
    return 1;
  }
  log_.Info("serving", {{"address", address},
                        {"metrics_port", endpoint_->port()},
                        {"version", version::Version()},
                        {"revision", version::Revision()}});

  const int signal = signals_.WaitForStop();
  log_.Info("stopping", {{"signal", signal}});
  const bool in_time = drain();
  if (in_time) log_.Info("stopped");
  if (!in_time) log_.Warn("stopped before all calls had ended");
  return 0;
}

}  // namespace chasqui::service
