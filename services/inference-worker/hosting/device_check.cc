// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/device_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/inference-worker/inference_worker_config.h"

namespace chasqui::worker {
namespace {

using Violations = std::vector<status::FieldViolation>;

std::string Names(std::span<const DeviceInfo> devices) {
  return absl::StrJoin(devices, ", ", [](std::string* out, const DeviceInfo& device) {
    absl::StrAppend(out, device.name);
  });
}

// As libllama counts where it is not told which: cards that several back ends find once, and those
// that share the processor's memory only where there is no other.
std::size_t CountGpus(std::span<const DeviceInfo> devices) {
  const std::size_t gpus = DistinctDevices(devices, GGML_BACKEND_DEVICE_TYPE_GPU).size();
  return gpus > 0 ? gpus : DistinctDevices(devices, GGML_BACKEND_DEVICE_TYPE_IGPU).size();
}

void CheckEngine(const std::string& path, const config::v1::EngineConfig& engine,
                 std::span<const DeviceInfo> devices, Violations& violations) {
  std::size_t used = 0;
  for (int i = 0; i < engine.devices_size(); ++i) {
    const auto found = std::ranges::find(devices, engine.devices(i), &DeviceInfo::name);
    if (found == devices.end()) {
      violations.push_back({absl::StrCat(path, ".devices[", i, "]"),
                            absl::StrCat("\"", engine.devices(i),
                                         "\" is no device of this machine: ", Names(devices))});
    } else if (found->type != GGML_BACKEND_DEVICE_TYPE_CPU) {
      ++used;
    }
  }
  if (engine.devices().empty()) used = CountGpus(devices);
  const auto parts = static_cast<std::size_t>(engine.tensor_split_size());
  if (parts > used) {
    violations.push_back({absl::StrCat(path, ".tensor_split"),
                          absl::StrCat("has ", parts, " parts for ", used, " devices")});
  }
  if (engine.main_gpu() > 0 && engine.main_gpu() >= used) {
    violations.push_back(
        {absl::StrCat(path, ".main_gpu"),
         absl::StrCat("must be below the number of devices, ", used, ", not ", engine.main_gpu())});
  }
}

}  // namespace

Violations CheckDevices(const config::v1::InferenceWorkerConfig& config,
                        std::span<const DeviceInfo> devices) {
  Violations violations;
  CheckEngine("engine", config.engine(), devices, violations);
  for (int i = 0; i < config.models_size(); ++i) {
    const auto& model = config.models(i);
    if (!model.has_engine()) continue;
    CheckEngine(absl::StrCat("models[", i, "].engine"),
                MergeEngine(config.engine(), model.engine()), devices, violations);
  }
  return violations;
}

}  // namespace chasqui::worker
