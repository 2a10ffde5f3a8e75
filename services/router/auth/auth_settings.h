// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "chasqui/config/v1/auth_config.pb.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "common/config/checks.h"

// The settings of authentication and of limits: defaults, rules, and what they come to.
namespace chasqui::router {

void SetAuthDefaults(config::v1::RouterConfig& config);

// Also reads the file of keys. Blocks on that.
void CheckAuth(const config::v1::RouterConfig& config, config::Checks& checks);

// Whether callers must say who they are. Pure.
bool AuthRequired(const config::v1::RouterConfig& config);

// Whether only this machine reaches what listens at the address: "localhost", 127.0.0.0/8, "[::1]",
// "unix:/path". Pure.
bool IsLoopback(std::string_view listen_address);

}  // namespace chasqui::router
