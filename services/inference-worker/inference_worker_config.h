// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "chasqui/config/v1/inference_worker_config.pb.h"

namespace chasqui::worker {

// The defaults that the comments of InferenceWorkerConfig promise.
config::v1::InferenceWorkerConfig DefaultConfig();

// The settings of a model's engine: the worker's, and the model's own where they are set, also to 0
// or false. Lists and durations are replaced whole. Pure.
config::v1::EngineConfig MergeEngine(const config::v1::EngineConfig& of_worker,
                                     const config::v1::EngineConfig& of_model);

// Everything that is wrong with `config` on a machine where this process may use `processors`, one
// line each. Pure.
std::vector<std::string> ValidateOn(const config::v1::InferenceWorkerConfig& config,
                                    std::span<const int> processors);

// The same on this machine.
std::vector<std::string> Validate(const config::v1::InferenceWorkerConfig& config);

}  // namespace chasqui::worker
