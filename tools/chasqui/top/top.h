// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "tools/chasqui/client/connection.h"

namespace chasqui::cli {

struct TopOptions {
  time::Duration interval = std::chrono::seconds(1);  // shortest time between two pictures
  bool json = false;
};

// Shows the fleet on the whole terminal until `q` or Ctrl-C; where standard output is none, or with
// `json`, prints it once. Blocks. Errors are those of the calls.
absl::Status ShowTop(const TopOptions& options, const Connection& connection);

}  // namespace chasqui::cli
