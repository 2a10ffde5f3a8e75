// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/observability/metrics.h"

namespace prometheus {
class Exposer;
}

namespace chasqui::observability {

// Serves http://address/metrics to Prometheus with two threads of its own. Owned by the composition
// root; may outlive the Metrics it shows, and then shows nothing. Thread-compatible.
class MetricsEndpoint {
 public:
  // `address` is "host:port" with a numeric host; port 0 takes a free one. An empty address gives
  // an endpoint that serves nothing. UNAVAILABLE when the address cannot be had.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const std::string& address,
                                                                const Metrics& metrics);
  ~MetricsEndpoint();
  MetricsEndpoint(const MetricsEndpoint&) = delete;
  MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

  // Where it listens; 0 when it serves nothing.
  int port() const { return port_; }

 private:
  MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer, std::string host, int port);

  const std::string host_;
  const int port_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace chasqui::observability
