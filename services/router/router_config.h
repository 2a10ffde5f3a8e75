// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "chasqui/config/v1/router_config.pb.h"

namespace chasqui::router {

// What holds for whatever is not set: the defaults that the messages' comments promise.
config::v1::RouterConfig DefaultConfig();

// Everything that is wrong, one line each, also in the file of keys; empty when nothing is.
std::vector<std::string> Validate(const config::v1::RouterConfig& config);

}  // namespace chasqui::router
