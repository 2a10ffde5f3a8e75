// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {

// What a driver tells of a device at one moment. What it does not tell is absent, never 0.
struct DeviceReading {
  std::optional<double> temperature_celsius;
  std::optional<double> utilization;  // part of the time it was busy lately, 0 to 1
  std::optional<DeviceMemory> memory;

  bool operator==(const DeviceReading&) const = default;
};

}  // namespace chasqui::worker
