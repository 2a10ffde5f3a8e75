// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "chasqui/fleet/v1/registration_service.pb.h"

// What workers say about themselves is checked before it is believed. Pure functions; the errors
// are INVALID_ARGUMENT with every problem at once.
namespace chasqui::router {

absl::Status ValidateHello(const fleet::v1::WorkerHello& hello);
absl::Status ValidateModels(const fleet::v1::WorkerModels& models);
absl::Status ValidateLoad(const fleet::v1::LoadReport& load);

// Whether `address` is "host:port" with a host that names one machine and a port from 1 to 65535:
// nothing a resolver would take for another scheme ("unix:...", "xds:..."), and no unspecified
// address such as 0.0.0.0, which only means something to whoever listens on it.
bool IsReachableAddress(std::string_view address);

}  // namespace chasqui::router
