// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/memory_room.h"

#include <algorithm>
#include <vector>

#include <ggml-backend.h>

#include "services/inference-worker/model/memory_available.h"

namespace chasqui::worker {
namespace {

std::vector<GpuRoom> Gpus() {
  std::vector<GpuRoom> gpus;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    const auto type = ggml_backend_dev_type(device);
    const bool integrated = type == GGML_BACKEND_DEVICE_TYPE_IGPU;
    if (type != GGML_BACKEND_DEVICE_TYPE_GPU && !integrated) continue;
    std::size_t free = 0;
    std::size_t total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    gpus.push_back(
        {.name = ggml_backend_dev_name(device), .free_bytes = free, .integrated = integrated});
  }
  return gpus;
}

}  // namespace

std::uint64_t FreeOnGpus(const config::v1::EngineConfig& engine, std::span<const GpuRoom> gpus) {
  if (engine.gpu_layers() == 0) return 0;
  std::uint64_t free = 0;
  for (const GpuRoom& gpu : gpus) {
    const bool wanted =
        engine.devices().empty() || std::ranges::contains(engine.devices(), gpu.name);
    if (wanted && !gpu.integrated) free += gpu.free_bytes;
  }
  return free;
}

std::optional<std::uint64_t> MemoryRoom(const config::v1::EngineConfig& engine,
                                        std::uint64_t margin_bytes) {
  std::optional<std::uint64_t> room = AvailableMemory();
  if (!room) return std::nullopt;
  *room -= std::min(*room, margin_bytes);
  if (engine.gpu_layers() != 0) *room += FreeOnGpus(engine, Gpus());
  return room;
}

}  // namespace chasqui::worker
