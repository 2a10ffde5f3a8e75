// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/grammar_writer.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace chasqui::worker {
namespace {

// Of repetitions within repetitions: each pair of counts may be a state of libllama.
constexpr int kMostNested = 20'000;
// Parts of patterns written: what may be empty is written twice at each level.
constexpr int kMostWritten = 100'000;

}  // namespace

std::string GbnfLiteral(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      literal.append({'\\', c});
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&literal, "\\x%02X", static_cast<unsigned char>(c));
    } else {
      literal.push_back(c);
    }
  }
  literal.push_back('"');
  return literal;
}

std::string GrammarWriter::Declare() { return absl::StrCat("r", ++rules_); }

absl::Status GrammarWriter::Define(const std::string& name, std::string body) {
  absl::StrAppend(&text_, name, " ::= ", body, "\n");
  if (text_.size() <= kMostBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the grammar of this format exceeds ", kMostBytes, " bytes"));
}

absl::StatusOr<std::string> GrammarWriter::Rule(std::string body) {
  const auto [known, is_new] = names_.try_emplace(body);
  if (!is_new) return known->second;
  known->second = Declare();
  std::string name = known->second;
  ABSL_RETURN_IF_ERROR(Define(name, std::move(body)));
  return name;
}

absl::StatusOr<std::string> GrammarWriter::AnyOf(const std::vector<std::string>& alternatives) {
  if (alternatives.size() == 1) return alternatives.front();
  return Rule(absl::StrJoin(alternatives, " | "));
}

absl::StatusOr<std::string> GrammarWriter::Repeat(const std::string& expression, int min,
                                                  std::optional<int> max) {
  if (max == 0) return std::string("\"\"");
  if (min == 1 && max == 1) return expression;
  const int times = max.value_or(min);
  if (times > kMostRepetitions)
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", kMostRepetitions, " repetitions are supported, not ", times));
  repetitions_ += std::max(1, times);
  if (repetitions_ > kMostRepetitionsAll)
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMostRepetitionsAll, " repetitions in all"));
  ABSL_ASSIGN_OR_RETURN(const std::string body, Rule(expression));
  if (max) return absl::StrCat(body, "{", min, ",", *max, "}");
  if (min == 0) return absl::StrCat(body, "*");
  return min == 1 ? absl::StrCat(body, "+") : absl::StrCat(body, "{", min, ",}");
}

absl::StatusOr<std::string> GrammarWriter::Write(const Pattern& pattern, Spelling spelling) {
  if (++written_ > kMostWritten)
    return absl::InvalidArgumentError("repetitions and groups are too involved");
  switch (pattern.kind) {
    case Pattern::Kind::kChars:
      return WriteChars(pattern.chars, spelling);
    case Pattern::Kind::kRepeat:
      return WriteRepeat(pattern, spelling);
    case Pattern::Kind::kSequence:
    case Pattern::Kind::kAlternatives:
      break;
  }
  std::vector<std::string> parts;
  for (const Pattern& part : pattern.parts) {
    ABSL_ASSIGN_OR_RETURN(std::string written, Write(part, spelling));
    parts.push_back(std::move(written));
  }
  if (pattern.kind == Pattern::Kind::kAlternatives) return AnyOf(parts);
  return parts.empty() ? std::string("\"\"") : absl::StrJoin(parts, " ");
}

absl::StatusOr<std::string> GrammarWriter::WriteChars(const CharSet& chars, Spelling spelling) {
  if (spelling == Spelling::kPlain) return chars.ToGbnf();
  const CharSet escaped({{1, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  std::vector<std::string> alternatives;
  if (const CharSet plain = chars.Intersection(escaped.Complement()); !plain.empty())
    alternatives.push_back(plain.ToGbnf());
  static constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kLetters = "\"\\bfnrt";
  for (const auto& range : chars.Intersection(escaped).ranges()) {
    for (std::uint32_t c = range.first; c <= range.last; ++c) {
      const auto short_form = kMeanings.find(static_cast<char>(c));
      alternatives.push_back(GbnfLiteral(short_form == std::string_view::npos
                                             ? absl::StrFormat("\\u%04x", c)
                                             : std::string{'\\', kLetters[short_form]}));
    }
  }
  return AnyOf(alternatives);
}

absl::StatusOr<std::string> GrammarWriter::WriteRepeat(const Pattern& pattern, Spelling spelling) {
  const Pattern& part = pattern.parts.front();
  if (pattern.max == 0) return std::string("\"\"");
  const int nested = nested_;
  const absl::Cleanup restore = [this, nested] { nested_ = nested; };
  nested_ *= std::max(1, pattern.max.value_or(pattern.min));
  if (nested_ > kMostNested)
    return absl::InvalidArgumentError(
        absl::StrCat("repetitions within repetitions are more than ", kMostNested));
  if (!part.Nullable()) {
    ABSL_ASSIGN_OR_RETURN(const std::string body, Write(part, spelling));
    return Repeat(body, pattern.min, pattern.max);
  }
  // libllama takes the repetition of an empty text for a rule that leads back to itself.
  ABSL_ASSIGN_OR_RETURN(const std::optional<std::string> body, WriteNonEmpty(part, spelling));
  return body ? Repeat(*body, 0, pattern.max) : absl::StatusOr<std::string>("\"\"");
}

absl::StatusOr<std::optional<std::string>> GrammarWriter::WriteNonEmpty(const Pattern& pattern,
                                                                        Spelling spelling) {
  if (!pattern.Nullable()) return Write(pattern, spelling);
  if (++written_ > kMostWritten)
    return absl::InvalidArgumentError("repetitions and groups are too involved");
  if (pattern.kind == Pattern::Kind::kSequence) return WriteNonEmptySequence(pattern, spelling);
  if (pattern.kind == Pattern::Kind::kRepeat) {
    if (pattern.max == 0) return std::nullopt;
    ABSL_ASSIGN_OR_RETURN(const auto body, WriteNonEmpty(pattern.parts.front(), spelling));
    if (!body) return std::nullopt;
    const bool nullable = pattern.parts.front().Nullable();
    return Repeat(*body, nullable ? 1 : std::max(1, pattern.min), pattern.max);
  }
  std::vector<std::string> alternatives;
  for (const Pattern& part : pattern.parts) {
    ABSL_ASSIGN_OR_RETURN(auto written, WriteNonEmpty(part, spelling));
    if (written) alternatives.push_back(*std::move(written));
  }
  if (alternatives.empty()) return std::nullopt;
  return AnyOf(alternatives);
}

// From the end: the first part that is not empty, then the others as they are.
absl::StatusOr<std::optional<std::string>> GrammarWriter::WriteNonEmptySequence(
    const Pattern& pattern, Spelling spelling) {
  std::optional<std::string> non_empty;
  std::string rest = "\"\"";
  for (auto part = pattern.parts.rbegin(); part != pattern.parts.rend(); ++part) {
    ABSL_ASSIGN_OR_RETURN(const auto head, WriteNonEmpty(*part, spelling));
    std::vector<std::string> alternatives;
    if (head) alternatives.push_back(absl::StrCat(*head, " ", rest));
    if (non_empty) alternatives.push_back(*non_empty);
    if (!alternatives.empty()) {
      ABSL_ASSIGN_OR_RETURN(non_empty, AnyOf(alternatives));
    }
    ABSL_ASSIGN_OR_RETURN(const std::string whole, Write(*part, spelling));
    ABSL_ASSIGN_OR_RETURN(rest, Rule(absl::StrCat(whole, " ", rest)));
  }
  return non_empty;
}

absl::StatusOr<std::string> GrammarWriter::Finish(std::string_view root) && {
  ABSL_RETURN_IF_ERROR(Define("root", std::string(root)));
  return std::move(text_);
}

}  // namespace chasqui::worker
