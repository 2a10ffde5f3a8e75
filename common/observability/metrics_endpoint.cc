// SPDX-License-Identifier: Apache-2.0
#include "common/observability/metrics_endpoint.h"

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/exposer.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace chasqui::observability {

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const std::string& address,
                                                                        const Metrics& metrics) {
  if (address.empty()) return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(nullptr, 0));
  // CivetWeb's word for every address is no host at all.
  const std::string listen = address.starts_with(':') ? address.substr(1) : address;
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", listen, "num_threads", "2", "request_timeout_ms", "10000"});
    exposer->RegisterCollectable(metrics.collectable());
    const std::vector<int> ports = exposer->GetListeningPorts();
    const int port = ports.empty() ? 0 : ports.front();
    return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(std::move(exposer), port));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
}

MetricsEndpoint::MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer, int port)
    : exposer_(std::move(exposer)), port_(port) {}

MetricsEndpoint::~MetricsEndpoint() = default;

}  // namespace chasqui::observability
