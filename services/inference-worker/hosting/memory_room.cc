// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/memory_room.h"

#include <algorithm>
#include <set>
#include <string>

#include "services/inference-worker/model/memory_available.h"

namespace chasqui::worker {

std::vector<DeviceInfo> GpusFor(const config::v1::EngineConfig& engine,
                                std::span<const DeviceInfo> devices) {
  std::vector<DeviceInfo> gpus;
  if (engine.gpu_layers() == 0) return gpus;
  std::set<std::string> seen;
  for (const DeviceInfo& device : devices) {
    const bool wanted =
        engine.devices().empty() || std::ranges::contains(engine.devices(), device.name);
    if (!wanted || device.type != GGML_BACKEND_DEVICE_TYPE_GPU) continue;
    if (device.device_id.empty() || seen.insert(device.device_id).second) gpus.push_back(device);
  }
  return gpus;
}

std::optional<std::uint64_t> MemoryRoom(const config::v1::EngineConfig& engine,
                                        std::uint64_t margin_bytes) {
  std::optional<std::uint64_t> room = AvailableMemory();
  if (!room) return std::nullopt;
  *room -= std::min(*room, margin_bytes);
  for (const DeviceInfo& gpu : GpusFor(engine, Backend::Devices()))
    *room += Backend::MemoryOf(gpu.name).free_bytes;
  return room;
}

}  // namespace chasqui::worker
