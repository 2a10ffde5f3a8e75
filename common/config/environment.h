// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chasqui::config {

// Name and value of each variable of this process's environment. The only place that reads it: call
// these from main, before threads are started.
using Environment = std::vector<std::pair<std::string, std::string>>;
Environment ProcessEnvironment();

// The value of one variable; none when it is not set.
std::optional<std::string> EnvironmentVariable(std::string_view name);

}  // namespace chasqui::config
