// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"

namespace chasqui::worker {

// JSON whose members keep their order.
using Json = nlohmann::ordered_json;

inline constexpr int kDeepestJson = 64;

// Reads a JSON text. INVALID_ARGUMENT says what is wrong: the syntax, a key that an object has
// twice, values nested deeper than kDeepestJson. Pure.
absl::StatusOr<Json> ParseJson(std::string_view text);

}  // namespace chasqui::worker
