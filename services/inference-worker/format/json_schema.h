// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/inference-worker/format/grammar_writer.h"
#include "services/inference-worker/format/parse_json.h"

namespace chasqui::worker {

// A grammar of JSON texts that are valid against a JSON schema. Every such text is valid; not every
// valid text is in the grammar (docs/output-formats.md tells which are). A keyword that the grammar
// could not hold to is refused: INVALID_ARGUMENT with its JSON pointer and name, in one line. Pure;
// its work is bounded, whatever the schema.
absl::StatusOr<std::string> JsonSchemaToGbnf(std::string_view schema);

// The same as an expression of `writer`, for grammars of which such a text is a part.
absl::StatusOr<std::string> WriteJsonSchema(const Json& schema, GrammarWriter& writer);

// A grammar of all JSON objects.
absl::StatusOr<std::string> JsonObjectGbnf();

}  // namespace chasqui::worker
