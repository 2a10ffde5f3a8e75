// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/json_grammar.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "services/inference-worker/format/utf8_decode.h"

namespace chasqui::worker {
namespace {

constexpr std::size_t kLongestName = 256;  // that others are kept apart from: a state for each byte

// Controls are left out but for those that have a short escape.
CharSet StringChars() { return CharSet({{'\b', '\n'}, {'\f', '\r'}, {0x20, 0x10FFFF}}); }

Pattern AnyText() { return Pattern::Repeat(Pattern::Chars(StringChars()), 0, std::nullopt); }

// All texts but `texts`, which are without equals and in order.
Pattern NoneOf(const std::vector<std::string_view>& texts) {
  std::vector<Pattern> alternatives;
  std::map<std::uint32_t, std::vector<std::string_view>> branches;
  bool ends = true;
  for (const auto text : texts) {
    const Utf8Char c = DecodeUtf8(text);
    if (c.size == 0) {
      ends = false;
    } else {
      branches[c.value].push_back(text.substr(c.size));
    }
  }
  if (ends) alternatives.push_back(Pattern::Sequence({}));
  CharSet first;
  branches.erase(0);  // no string of the grammar holds U+0000
  for (const auto& [c, rest] : branches) {
    first = first.Union(CharSet::One(c));
    alternatives.push_back(Pattern::Sequence({Pattern::Chars(CharSet::One(c)), NoneOf(rest)}));
  }
  alternatives.push_back(Pattern::Sequence(
      {Pattern::Chars(StringChars().Intersection(first.Complement())), AnyText()}));
  return Pattern::Alternatives(std::move(alternatives));
}

// Writes the members of an object one after the other. What may follow depends on which member is
// next and how many there were, as far as that matters.
class MembersWriter {
 public:
  MembersWriter(GrammarWriter& writer, const ObjectShape& shape, std::vector<std::string> written,
                std::string comma)
      : writer_(writer), shape_(shape), written_(std::move(written)), comma_(std::move(comma)) {
    most_counted_ = std::max(1, shape.min);
  }

  // Nothing when the counts cannot be met from here.
  absl::StatusOr<std::optional<std::string>> From(std::size_t next, int count) {
    if (shape_.max && count > *shape_.max) return std::nullopt;
    if (next == written_.size()) return End(count);
    const auto known = done_.find({next, count});
    if (known != done_.end()) return known->second;
    std::vector<std::string> alternatives;
    ABSL_ASSIGN_OR_RETURN(const auto with, From(next + 1, Counted(count + 1)));
    if (with) {
      alternatives.push_back(
          absl::StrCat(count > 0 ? absl::StrCat(comma_, " ") : "", written_[next], " ", *with));
    }
    if (!shape_.members[next].required) {
      ABSL_ASSIGN_OR_RETURN(const auto without, From(next + 1, count));
      if (without) alternatives.push_back(*without);
    }
    std::optional<std::string> result;
    if (!alternatives.empty()) {
      ABSL_ASSIGN_OR_RETURN(result, writer_.AnyOf(alternatives));
      ABSL_ASSIGN_OR_RETURN(result, writer_.Rule(*result));
    }
    return done_[{next, count}] = result;
  }

  std::string other;  // a member with another key, when there may be some

 private:
  // Without a maximum, what is enough is all the same.
  int Counted(int count) const { return shape_.max ? count : std::min(count, most_counted_); }

  absl::StatusOr<std::optional<std::string>> End(int count) {
    if (count < shape_.min) return std::nullopt;
    if (other.empty()) return std::string("\"\"");
    const auto max = shape_.max ? std::optional(*shape_.max - count) : std::nullopt;
    if (max == 0) return std::string("\"\"");
    const auto more = max && count == 0 ? std::optional(*max - 1) : max;
    ABSL_ASSIGN_OR_RETURN(const std::string element,
                          writer_.Rule(absl::StrCat(comma_, " ", other)));
    ABSL_ASSIGN_OR_RETURN(const std::string rest, writer_.Repeat(element, 0, more));
    if (count > 0) return rest;
    return writer_.AnyOf({"\"\"", absl::StrCat(other, " ", rest)});
  }

  GrammarWriter& writer_;
  const ObjectShape& shape_;
  const std::vector<std::string> written_;  // the members
  const std::string comma_;
  int most_counted_ = 1;
  std::map<std::pair<std::size_t, int>, std::optional<std::string>> done_;
};

}  // namespace

absl::StatusOr<std::string> JsonGrammar::Any() {
  if (!any_.empty()) return any_;
  any_ = writer_.Declare();
  ABSL_ASSIGN_OR_RETURN(const std::string object, AnyObject());
  ABSL_ASSIGN_OR_RETURN(const std::string array, AnyArray());
  ABSL_ASSIGN_OR_RETURN(const std::string number, AnyNumber());
  ABSL_ASSIGN_OR_RETURN(const std::string string, String(0, std::nullopt));
  ABSL_RETURN_IF_ERROR(
      writer_.Define(any_, absl::StrCat(object, " | ", array, " | ", string, " | ", number,
                                        R"( | "true" | "false" | "null")")));
  return any_;
}

absl::StatusOr<std::string> JsonGrammar::AnyObject() {
  ABSL_ASSIGN_OR_RETURN(const std::string any, Any());
  return Object({.other = any});
}

absl::StatusOr<std::string> JsonGrammar::AnyArray() {
  ABSL_ASSIGN_OR_RETURN(const std::string any, Any());
  return Array({.rest = any});
}

absl::StatusOr<std::string> JsonGrammar::AnyNumber() {
  return writer_.Rule(
      R"("-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [+\x2D]? [0-9]{1,2})?)");
}

absl::StatusOr<std::string> JsonGrammar::String(int min, std::optional<int> max) {
  return String(Pattern::Repeat(Pattern::Chars(StringChars()), min, max));
}

absl::StatusOr<std::string> JsonGrammar::String(const Pattern& pattern) {
  ABSL_ASSIGN_OR_RETURN(const std::string text, writer_.Write(pattern, Spelling::kJsonString));
  return writer_.Rule(absl::StrCat(R"("\"" )", text, R"( "\"")"));
}

absl::StatusOr<std::string> JsonGrammar::Member(std::string_view key, std::string_view value) {
  return writer_.Rule(
      absl::StrCat(GbnfLiteral(nlohmann::json(key).dump()), R"( ":" [ ]? )", value));
}

absl::StatusOr<std::string> JsonGrammar::Object(const ObjectShape& shape) {
  const auto required = std::ranges::count_if(shape.members, &MemberRule::required);
  if (shape.other && shape.min > required)
    return absl::InvalidArgumentError(
        "minProperties above the number of required properties is supported only without "
        "additionalProperties");
  std::vector<std::string> members;
  std::vector<std::string_view> keys;
  for (const auto& member : shape.members) {
    if (shape.other && member.key.size() > kLongestName)
      return absl::InvalidArgumentError(absl::StrCat(
          "a property beside additionalProperties has a name above ", kLongestName, " bytes"));
    ABSL_ASSIGN_OR_RETURN(std::string written, Member(member.key, member.value));
    members.push_back(std::move(written));
    keys.push_back(member.key);
  }
  ABSL_ASSIGN_OR_RETURN(std::string comma, Comma());
  MembersWriter writer(writer_, shape, std::move(members), std::move(comma));
  if (shape.other) {
    ABSL_ASSIGN_OR_RETURN(const std::string key, String(keys.empty() ? AnyText() : NoneOf(keys)));
    ABSL_ASSIGN_OR_RETURN(writer.other,
                          writer_.Rule(absl::StrCat(key, R"( ":" [ ]? )", *shape.other)));
  }
  ABSL_ASSIGN_OR_RETURN(const auto all, writer.From(0, 0));
  if (!all) return absl::InvalidArgumentError("no object has as many properties as are asked for");
  return writer_.Rule(absl::StrCat(R"("{" )", *all, R"( "}")"));
}

absl::StatusOr<std::string> JsonGrammar::List(const std::string& element, int min,
                                              std::optional<int> max, bool follows) {
  if (max == 0) return std::string("\"\"");
  ABSL_ASSIGN_OR_RETURN(const std::string comma, Comma());
  ABSL_ASSIGN_OR_RETURN(const std::string next, writer_.Rule(absl::StrCat(comma, " ", element)));
  if (follows) return writer_.Repeat(next, min, max);
  ABSL_ASSIGN_OR_RETURN(
      const std::string rest,
      writer_.Repeat(next, std::max(0, min - 1), max ? std::optional(*max - 1) : std::nullopt));
  const std::string some = absl::StrCat(element, " ", rest);
  return min == 0 ? writer_.AnyOf({"\"\"", some}) : some;
}

absl::StatusOr<std::string> JsonGrammar::Array(const ArrayShape& shape) {
  const int most = shape.max.value_or(std::numeric_limits<int>::max());
  const int first = std::min(static_cast<int>(shape.first.size()), most);
  if (shape.min > most || (!shape.rest && shape.min > first))
    return absl::InvalidArgumentError("no array has as many items as are asked for");
  std::string tail = "\"\"";
  if (shape.rest) {
    ABSL_ASSIGN_OR_RETURN(
        tail, List(*shape.rest, std::max(0, shape.min - first),
                   shape.max ? std::optional(*shape.max - first) : std::nullopt, first > 0));
  }
  ABSL_ASSIGN_OR_RETURN(const std::string comma, Comma());
  for (int i = first; i-- > 0;) {
    const std::string item = absl::StrCat(i > 0 ? absl::StrCat(comma, " ") : "",
                                          shape.first[static_cast<std::size_t>(i)], " ", tail);
    if (i < shape.min) {
      ABSL_ASSIGN_OR_RETURN(tail, writer_.Rule(item));
    } else {
      ABSL_ASSIGN_OR_RETURN(tail, writer_.AnyOf({"\"\"", item}));
    }
  }
  return writer_.Rule(absl::StrCat(R"("[" )", tail, R"( "]")"));
}

}  // namespace chasqui::worker
