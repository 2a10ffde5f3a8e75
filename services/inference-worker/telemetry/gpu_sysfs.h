// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "services/inference-worker/telemetry/device_reading.h"

namespace chasqui::worker {

// What the kernel's driver tells of the device at `pci_id` (as NormalizePciId gives it):
// utilisation from gpu_busy_percent, which amdgpu has, and the temperature of the first sensor of
// its hwmon, which amdgpu, i915, xe and nouveau have. `root` is where /sys is found. Thread-safe;
// reads a few small files.
DeviceReading ReadGpuSysfs(const std::filesystem::path& root, std::string_view pci_id);

}  // namespace chasqui::worker
