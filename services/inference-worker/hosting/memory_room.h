// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {

// Of `devices`, those GPUs with memory of their own that a model with these settings may use. A
// card that several back ends find is there once. Pure.
std::vector<DeviceInfo> GpusFor(const config::v1::EngineConfig& engine,
                                std::span<const DeviceInfo> devices);

// Memory that a model with these settings can still have, in bytes: what this process can take,
// less `margin_bytes`, and what is free on the GPUs it may use. Nothing when the former is not
// known. Opens the GPUs, see Backend::MemoryOf. Thread-safe.
std::optional<std::uint64_t> MemoryRoom(const config::v1::EngineConfig& engine,
                                        std::uint64_t margin_bytes);

}  // namespace chasqui::worker
