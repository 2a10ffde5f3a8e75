// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/device_metrics.h"

#include <algorithm>
#include <optional>
#include <string>

namespace chasqui::worker {
namespace {

void Show(observability::MetricFamily<observability::Gauge>& gauges, const std::string& device,
          std::optional<double> value) {
  if (value.has_value()) {
    gauges.With({device}).Set(*value);
  } else {
    gauges.Remove({device});
  }
}

}  // namespace

DeviceMetrics::DeviceMetrics(observability::Metrics& metrics, const DeviceTelemetry& telemetry)
    : memory_used_(metrics.AddGauges("chasqui_worker_device_memory_used_bytes",
                                     "Memory of a device in use, by any process.", {"device"})),
      memory_free_(metrics.AddGauges("chasqui_worker_device_memory_free_bytes",
                                     "Memory of a device that is free.", {"device"})),
      memory_total_(metrics.AddGauges("chasqui_worker_device_memory_total_bytes",
                                      "Memory of a device.", {"device"})),
      temperature_(metrics.AddGauges("chasqui_worker_device_temperature_celsius",
                                     "Temperature of a device.", {"device"})),
      utilization_(metrics.AddGauges("chasqui_worker_device_utilization_ratio",
                                     "Part of the time a device was busy lately, 0 to 1.",
                                     {"device"})),
      collector_(metrics.OnCollect([this, &telemetry] { Collect(telemetry); })) {}

void DeviceMetrics::Collect(const DeviceTelemetry& telemetry) {
  for (const DeviceState& device : telemetry.Devices()) {
    const std::string& name = device.info.name;
    const auto total = static_cast<double>(device.memory.total_bytes);
    const auto free = static_cast<double>(device.memory.free_bytes);
    memory_used_.With({name}).Set(total - std::min(total, free));
    memory_free_.With({name}).Set(free);
    memory_total_.With({name}).Set(total);
    Show(temperature_, name, device.temperature_celsius);
    Show(utilization_, name, device.utilization);
  }
}

}  // namespace chasqui::worker
