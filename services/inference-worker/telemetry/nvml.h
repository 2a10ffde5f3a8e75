// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/inference-worker/telemetry/device_reading.h"

namespace chasqui::worker {

// NVIDIA's management library, which comes with the driver: found when the program runs, so that
// nothing of NVIDIA's is needed to build it or where there is no such card. Owned by
// DeviceTelemetry. Thread-compatible: finding a device may take some milliseconds.
class Nvml {
 public:
  static constexpr char kLibrary[] = "libnvidia-ml.so.1";

  // Loads and starts `library`: a name that the dynamic loader finds, or a path. UNAVAILABLE with
  // the reason: there is no such library, a function is missing, or no driver is loaded.
  static absl::StatusOr<std::unique_ptr<Nvml>> Open(const std::string& library = kLibrary);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // What it tells of the device at `pci_id`; of the only device called `name` where the place is
  // not known (""). Nothing when there is no such device, or when several have the name.
  std::optional<DeviceReading> Read(const std::string& pci_id, std::string_view name);

 private:
  struct Functions;
  using Handle = struct nvmlDevice_st*;

  Nvml(void* library, std::unique_ptr<const Functions> functions);
  std::optional<Handle> Find(const std::string& pci_id, std::string_view name);
  std::optional<Handle> FindByName(std::string_view name) const;

  void* const library_;
  const std::unique_ptr<const Functions> functions_;
  std::map<std::string, Handle> handles_;  // by place, or by name; those that were found
};

}  // namespace chasqui::worker
