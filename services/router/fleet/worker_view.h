// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

// A member as FleetService tells of it.
fleet::v1::Worker DescribeWorker(const Member& member);

}  // namespace chasqui::router
