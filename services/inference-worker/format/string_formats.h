// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chasqui::worker {

// The regular expression of what a string `format` of a JSON schema allows, or of the common part
// of it. Nothing when the format is not known. Pure.
std::optional<std::string> StringFormatRegex(std::string_view format);

}  // namespace chasqui::worker
