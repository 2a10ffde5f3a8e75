// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace chasqui::cli {

// The whole of a file of at most 64 MiB; "-" is standard input. Blocks.
//   NOT_FOUND, PERMISSION_DENIED...  as the system says, with the path
//   INVALID_ARGUMENT                 it is longer
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Puts `text` in place of the file, at once or not at all.
absl::Status WriteFile(const std::string& path, const std::string& text);

}  // namespace chasqui::cli
