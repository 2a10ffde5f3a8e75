// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/load_options.h"

namespace chasqui::worker {

// The engine's settings for a model that was trained for `train_context_tokens`: what the
// configuration leaves open is filled in. INVALID_ARGUMENT for an unknown KV type. Pure.
absl::StatusOr<EngineOptions> ResolveEngineOptions(const config::v1::EngineConfig& config,
                                                   std::uint32_t train_context_tokens);

// How its model is loaded. Pure.
LoadOptions ResolveLoadOptions(const config::v1::EngineConfig& config);

}  // namespace chasqui::worker
