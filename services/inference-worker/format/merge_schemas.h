// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "services/inference-worker/format/parse_json.h"

namespace chasqui::worker {

// The one schema of objects that `schema`, which has "allOf", amounts to: properties and required
// ones of all. INVALID_ARGUMENT when its parts cannot be put together. Pure.
absl::StatusOr<Json> MergeAllOf(const Json& schema, const Json& root);

}  // namespace chasqui::worker
