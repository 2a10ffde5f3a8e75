// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/functional/function_ref.h"
#include "services/inference-worker/format/parse_json.h"

namespace chasqui::worker {

// Tells schemas apart whose values exclude one another: by type, by constants, by bounds of
// numbers, by properties that one requires and the other does not write, and by properties that
// both have and that exclude one another. What it cannot prove it does not claim; its work is
// bounded, whatever the schemas. Thread-compatible.
class SchemaExclusion {
 public:
  // References are looked up in `root`, which outlives this.
  explicit SchemaExclusion(const Json& root) : root_(root) {}

  // Whether nothing that the grammar of `written` gives is valid against `other`. Both are of the
  // supported keywords.
  bool Excludes(const Json& written, const Json& other) { return Excludes(written, other, 0); }

 private:
  bool Excludes(const Json& written, const Json& other, int depth);
  // Whether `other` rejects what is asked about: `rejects` tells for a schema that is neither
  // reference nor combination of others.
  bool Rejected(const Json& other, bool may_be_null, int depth,
                absl::FunctionRef<bool(const Json& simple)> rejects);
  bool RejectsAll(const Json& other, const Json& written, int depth);
  bool RejectsType(const Json& other, const Json& written, std::string_view type, int depth);
  bool RejectsObjects(const Json& other, const Json& written, int depth);
  bool RejectsValue(const Json& other, const Json& value, int depth);
  // Whether there is work left to do at this depth; counts it.
  bool Goes(int depth);

  const Json& root_;
  int visits_ = 0;
};

}  // namespace chasqui::worker
