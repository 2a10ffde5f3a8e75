// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/fleet/v1/registration_service.pb.h"
#include "chasqui/worker/v1/worker_service.pb.h"

namespace chasqui::router {

// What a worker that was asked at `address` would have said had it joined. Pure.
fleet::v1::WorkerHello HelloOf(const std::string& address,
                               const worker::v1::GetStatusResponse& status);

// Its models, as a joined worker tells them. Pure.
fleet::v1::WorkerModels ModelsOf(const worker::v1::GetStatusResponse& status);

}  // namespace chasqui::router
