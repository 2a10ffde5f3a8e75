// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "chasqui/inference/v1/inference_service.pb.h"

namespace chasqui::cli {

// The queues as a table, one line for each model.
std::string QueuesText(
    const google::protobuf::RepeatedPtrField<chasqui::fleet::v1::ModelQueue>& queues);

// Where a request stands, in one line.
std::string PositionText(const chasqui::inference::v1::GetQueuePositionResponse& position);

}  // namespace chasqui::cli
