// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "chasqui/config/v1/inference_worker_config.pb.h"

namespace chasqui::worker {

// The defaults that the comments of InferenceWorkerConfig promise.
config::v1::InferenceWorkerConfig DefaultConfig();

// Everything that is wrong with `config`, one line each. Pure.
std::vector<std::string> Validate(const config::v1::InferenceWorkerConfig& config);

}  // namespace chasqui::worker
