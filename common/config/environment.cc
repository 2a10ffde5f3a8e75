// SPDX-License-Identifier: Apache-2.0
#include "common/config/environment.h"

#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

namespace chasqui::config {

Environment ProcessEnvironment() {
  Environment variables;
  for (const char* const* entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::optional<std::string> EnvironmentVariable(std::string_view name) {
  for (const auto& [candidate, value] : ProcessEnvironment()) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

}  // namespace chasqui::config
