// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {

// What is wrong with the settings of a valid configuration that name or count devices, given those
// of this machine: devices that there are not, parts for more devices than there are, a main GPU
// beyond the last. Without any GPU, main_gpu 0 means nothing and is right. Pure.
std::vector<status::FieldViolation> CheckDevices(const config::v1::InferenceWorkerConfig& config,
                                                 std::span<const DeviceInfo> devices);

}  // namespace chasqui::worker
