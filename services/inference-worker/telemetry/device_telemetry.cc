// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/device_telemetry.h"

#include <algorithm>
#include <utility>

#include "services/inference-worker/telemetry/gpu_sysfs.h"
#include "services/inference-worker/telemetry/pci_id.h"

namespace chasqui::worker {
namespace {

bool IsGpu(const DeviceInfo& info) {
  return info.type == GGML_BACKEND_DEVICE_TYPE_GPU || info.type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

}  // namespace

DeviceTelemetry::DeviceTelemetry(Sources sources, const observability::Logger& log)
    : sources_(std::move(sources)) {
  if (std::ranges::any_of(sources_.devices, IsGpu)) {
    absl::StatusOr<std::unique_ptr<Nvml>> nvml = Nvml::Open(sources_.nvml_library);
    if (nvml.ok()) {
      nvml_ = *std::move(nvml);
    } else {
      log.Info("NVML tells nothing of the devices", {{"reason", nvml.status().message()}});
    }
  }
  Read();
  reader_.emplace("devices", sources_.interval, [this] { Read(); });
}

std::vector<DeviceState> DeviceTelemetry::Devices() const {
  const absl::MutexLock lock(mutex_);
  return devices_;
}

void DeviceTelemetry::Read() {
  std::vector<DeviceState> states;
  for (const DeviceInfo& info : sources_.devices) states.push_back(ReadOne(info));
  const absl::MutexLock lock(mutex_);
  devices_ = std::move(states);
}

DeviceState DeviceTelemetry::ReadOne(const DeviceInfo& info) {
  DeviceReading reading;
  if (IsGpu(info)) {
    const std::string place = NormalizePciId(info.device_id);
    std::optional<DeviceReading> told;
    if (nvml_) told = nvml_->Read(place, info.description);
    reading = told.has_value() ? *told : ReadGpuSysfs(sources_.root, place);
  }
  // Asking the back end makes it open the device, which costs memory there: the driver first.
  return {.info = info,
          .memory = reading.memory.has_value() ? *reading.memory : sources_.memory(info),
          .temperature_celsius = reading.temperature_celsius,
          .utilization = reading.utilization};
}

}  // namespace chasqui::worker
