// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "services/inference-worker/format/pattern.h"

namespace chasqui::worker {

// What a regular expression is held against.
enum class RegexMatch {
  kWhole,     // the whole text
  kAnywhere,  // any part of it, unless an anchor says otherwise (`pattern` of a JSON schema)
};

// Reads a regular expression in the syntax of ECMAScript with its flag "u". INVALID_ARGUMENT says
// where and why, in one line: what is no regular expression, and what no grammar can say (looking
// ahead or behind, references to groups, word boundaries, anchors within). Pure.
absl::StatusOr<Pattern> ParseRegex(std::string_view regex, RegexMatch match);

}  // namespace chasqui::worker
