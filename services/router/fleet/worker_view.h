// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "common/time/clock.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

void PutTime(time::SystemTime time, google::protobuf::Timestamp& out);

// A member as FleetService tells of it.
fleet::v1::Worker DescribeWorker(const Member& member);

}  // namespace chasqui::router
