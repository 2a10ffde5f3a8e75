// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "chasqui/fleet/v1/fleet_service.pb.h"

namespace chasqui::cache {

// Whether a fleet has so much to spare that answers may be made in advance: nobody waits for the
// model, and of its slots on workers that take requests at least so many percent are idle. Pure.
bool HasSpare(const fleet::v1::WatchFleetResponse& fleet, std::string_view model,
              std::uint32_t idle_percent);

}  // namespace chasqui::cache
