// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/fleet/v1/fleet_service.pb.h"

namespace chasqui::cli {

// The workers as a table, one line for each model of each worker.
std::string WorkersText(
    const google::protobuf::RepeatedPtrField<chasqui::fleet::v1::Worker>& workers);

// A snapshot: the workers, and the queues as another table when there are any.
std::string SnapshotText(const chasqui::fleet::v1::WatchFleetResponse& snapshot);

// A snapshot in one line: for logs and pipes.
std::string SnapshotLine(const chasqui::fleet::v1::WatchFleetResponse& snapshot);

}  // namespace chasqui::cli
