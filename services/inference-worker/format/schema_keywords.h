// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/inference-worker/format/parse_json.h"

namespace chasqui::worker {

// What the keywords of one JSON schema say, before any of it is written. All pure.

// Whether a keyword says nothing about what is valid.
bool IsAnnotation(std::string_view keyword);

// INVALID_ARGUMENT names the first keyword that is not supported.
absl::Status CheckKeywords(const Json& schema);
// INVALID_ARGUMENT names the first keyword beside `keyword` that would have to be heeded together
// with it.
absl::Status CheckAlone(const Json& schema, std::string_view keyword);

// The types of "type" and "nullable"; none when there is no "type".
absl::StatusOr<std::vector<std::string>> SchemaTypes(const Json& schema);
// The types that the other keywords speak of.
std::vector<std::string> ImpliedTypes(const Json& schema);
bool IsNullable(const Json& schema);
bool HasType(const Json& value, std::string_view type);

// What "#", "#/a/b" names in `root`; null when there is nothing.
const Json* ResolveRef(const Json& root, std::string_view ref);

}  // namespace chasqui::worker
