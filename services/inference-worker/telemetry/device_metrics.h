// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/observability/metrics.h"
#include "services/inference-worker/telemetry/device_telemetry.h"

namespace chasqui::worker {

// The gauges chasqui_worker_device_*, with the label `device`. What a driver does not tell has no
// series. Owned by the server. Thread-safe.
class DeviceMetrics {
 public:
  // Both outlive this.
  DeviceMetrics(observability::Metrics& metrics, const DeviceTelemetry& telemetry);

 private:
  using Gauges = observability::MetricFamily<observability::Gauge>;

  void Collect(const DeviceTelemetry& telemetry);

  Gauges& memory_used_;
  Gauges& memory_free_;
  Gauges& memory_total_;
  Gauges& temperature_;
  Gauges& utilization_;
  std::unique_ptr<observability::Metrics::Collector> collector_;  // last: works on the gauges
};

}  // namespace chasqui::worker
