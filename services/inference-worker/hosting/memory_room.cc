// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/memory_room.h"

#include <algorithm>

#include "services/inference-worker/model/memory_available.h"

namespace chasqui::worker {

std::vector<DeviceInfo> GpusFor(const config::v1::EngineConfig& engine,
                                std::span<const DeviceInfo> devices) {
  if (engine.gpu_layers() == 0) return {};
  std::vector<DeviceInfo> usable(devices.begin(), devices.end());
  if (!engine.devices().empty()) {
    std::erase_if(usable, [&](const DeviceInfo& device) {
      return !std::ranges::contains(engine.devices(), device.name);
    });
  }
  return DistinctDevices(usable, GGML_BACKEND_DEVICE_TYPE_GPU);
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
