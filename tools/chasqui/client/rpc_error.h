// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace chasqui::cli {

// `error` as one line for people: the message, the fields that are wrong, when to try again, then
// code and reason. Nothing is said twice; line breaks become spaces.
std::string ErrorLine(const absl::Status& error);

// `error` as one JSON object for programs:
//   {"code": "...", "reason": "...", "message": "...", "fields": [...], "retry_delay_ms": 1000}
std::string ErrorJson(const absl::Status& error);

// `error`, marked as already shown: only its exit code is left to be told.
absl::Status MarkShown(absl::Status error);
bool IsShown(const absl::Status& error);

}  // namespace chasqui::cli
