// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/telemetry/nvml.h"

namespace chasqui::worker {

// A device and how it was lately. What its driver does not tell is absent.
struct DeviceState {
  DeviceInfo info;
  DeviceMemory memory;
  std::optional<double> temperature_celsius;
  std::optional<double> utilization;  // 0 to 1
};

// Memory, temperature and utilisation of the devices, read at the start and then every `interval`
// on a thread of its own: a driver may take its time, and neither the engine nor a loop waits for
// it. Of each GPU NVML is asked, then sysfs. Owned by the server. Thread-safe.
class DeviceTelemetry {
 public:
  // Where readings come from.
  struct Sources {
    std::vector<DeviceInfo> devices;
    // Of a device whose driver does not tell it. Called on the thread that reads.
    std::function<DeviceMemory(const DeviceInfo&)> memory;
    std::string nvml_library = Nvml::kLibrary;
    std::filesystem::path root = "/";  // where /sys is found
    time::Duration interval = std::chrono::seconds(1);
  };

  // Reads once; that and the loading of NVML may take seconds where the driver is not in use yet.
  DeviceTelemetry(Sources sources, const observability::Logger& log);

  // The devices as they were last read, at most one interval ago.
  std::vector<DeviceState> Devices() const;

 private:
  void Read();
  DeviceState ReadOne(const DeviceInfo& info);

  const Sources sources_;
  std::unique_ptr<Nvml> nvml_;  // null: there is none; confined to `reader_`
  mutable absl::Mutex mutex_;
  std::vector<DeviceState> devices_ ABSL_GUARDED_BY(mutex_);
  std::optional<concurrency::Periodic> reader_;  // last: works on all of the above
};

}  // namespace chasqui::worker
