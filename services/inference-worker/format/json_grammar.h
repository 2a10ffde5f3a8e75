// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/inference-worker/format/grammar_writer.h"

namespace chasqui::worker {

// A member of an object, in the order in which members are written.
struct MemberRule {
  std::string key;  // as it is, not as JSON
  std::string value;
  bool required = false;
};

// What an object or an array may hold.
struct ObjectShape {
  std::vector<MemberRule> members;
  std::optional<std::string> other;  // the value of members with other keys; unset: there are none
  int min = 0;
  std::optional<int> max;
};
struct ArrayShape {
  std::vector<std::string> first;   // the items at the beginning, one by one
  std::optional<std::string> rest;  // of all others; unset: there are none
  int min = 0;
  std::optional<int> max;
};

// Writes the grammar of JSON values, spelt compactly: one space may follow a colon or a comma.
// Expressions in and out are those of the writer, which outlives it. Thread-compatible.
class JsonGrammar {
 public:
  explicit JsonGrammar(GrammarWriter& writer) : writer_(writer) {}

  // Any value, and any of one type.
  absl::StatusOr<std::string> Any();
  absl::StatusOr<std::string> AnyObject();
  absl::StatusOr<std::string> AnyArray();
  absl::StatusOr<std::string> AnyNumber();

  // Characters that a string is made of, `min` to `max` of them.
  absl::StatusOr<std::string> String(int min, std::optional<int> max);
  // A string that `pattern` matches as a whole.
  absl::StatusOr<std::string> String(const Pattern& pattern);

  // INVALID_ARGUMENT when there is no such object, or its count cannot be held to.
  absl::StatusOr<std::string> Object(const ObjectShape& shape);
  absl::StatusOr<std::string> Array(const ArrayShape& shape);

 private:
  absl::StatusOr<std::string> Comma() { return writer_.Rule(R"("," [ ]?)"); }
  absl::StatusOr<std::string> Member(std::string_view key, std::string_view value);
  // `min` to `max` of `element`, with commas between; with one before when some are there already.
  absl::StatusOr<std::string> List(const std::string& element, int min, std::optional<int> max,
                                   bool follows);

  GrammarWriter& writer_;
  std::string any_;  // the rule of any value, once it is declared
};

}  // namespace chasqui::worker
