// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "chasqui/config/v1/inference_worker_config.pb.h"

namespace chasqui::worker {

// A GPU as its back end tells of it.
struct GpuRoom {
  std::string name;
  std::uint64_t free_bytes = 0;
  bool integrated = false;  // it has no memory of its own
};

// What is free on those GPUs that a model with these settings may use, in bytes. Pure.
std::uint64_t FreeOnGpus(const config::v1::EngineConfig& engine, std::span<const GpuRoom> gpus);

// Memory that a model with these settings can still have, in bytes: what this process can take,
// less `margin_bytes`, and what is free on the GPUs it may use. Nothing when the former is not
// known. Opens the GPUs, see Backend::MemoryOf. Thread-safe.
std::optional<std::uint64_t> MemoryRoom(const config::v1::EngineConfig& engine,
                                        std::uint64_t margin_bytes);

}  // namespace chasqui::worker
