// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "services/inference-worker/format/pattern.h"

namespace chasqui::worker {

// `text` as a literal of GBNF.
std::string GbnfLiteral(std::string_view text);

// How the characters of a pattern are spelt in the answer.
enum class Spelling {
  kPlain,
  kJsonString,  // within the quotes of a JSON string: quotes, backslashes and controls are escaped
};

// Gathers the rules of a grammar. Expressions it returns stand in a sequence as they are; whatever
// has alternatives, or is repeated, is a rule of its own, so that groups never nest and what
// libllama copies to repeat is one element. The same body is one rule. Its bounds keep libllama's
// parser and its states small: what exceeds them is
// INVALID_ARGUMENT.
// Thread-compatible.
class GrammarWriter {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{512} << 10;
  static constexpr int kMostRepetitions = 1999;       // libllama refuses 2000
  static constexpr int kMostRepetitionsAll = 20'000;  // of all repetitions together

  // A rule to be defined later, as those that lead back to themselves must be.
  std::string Declare();
  absl::Status Define(const std::string& name, std::string body);

  // The rule with this body.
  absl::StatusOr<std::string> Rule(std::string body);
  absl::StatusOr<std::string> AnyOf(const std::vector<std::string>& alternatives);
  // `expression`, `min` to `max` times; it must not match the empty text.
  absl::StatusOr<std::string> Repeat(const std::string& expression, int min,
                                     std::optional<int> max);
  absl::StatusOr<std::string> Write(const Pattern& pattern, Spelling spelling);

  // The grammar whose text is `root`.
  absl::StatusOr<std::string> Finish(std::string_view root) &&;

 private:
  absl::StatusOr<std::string> WriteChars(const CharSet& chars, Spelling spelling);
  absl::StatusOr<std::string> WriteRepeat(const Pattern& pattern, Spelling spelling);
  // The pattern without the empty text; nothing when that was all.
  absl::StatusOr<std::optional<std::string>> WriteNonEmpty(const Pattern& pattern,
                                                           Spelling spelling);
  absl::StatusOr<std::optional<std::string>> WriteNonEmptySequence(const Pattern& pattern,
                                                                   Spelling spelling);

  std::string text_;
  absl::flat_hash_map<std::string, std::string> names_;  // of rules by their bodies
  int rules_ = 0;
  int repetitions_ = 0;
  int written_ = 0;
  int nested_ = 1;  // product of the bounded repetitions around the one being written
};

}  // namespace chasqui::worker
