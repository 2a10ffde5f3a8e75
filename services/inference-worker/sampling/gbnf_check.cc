// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/gbnf_check.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/inference-worker/sampling/gbnf_ways.h"

namespace chasqui::worker {
namespace {

constexpr int kDeepest = 64;  // groups within groups: libllama's parser calls itself
// Below libllama's own limits: it refuses 2000, and takes a greater maximum for none.
constexpr std::uint64_t kMostRepetitions = 1999;
// What is repeated is copied: elements of 8 bytes, of which libllama holds three copies.
constexpr std::uint64_t kMostElements = 1'000'000;

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

class Checker {
 public:
  explicit Checker(std::string_view gbnf) : text_(gbnf) {}

  absl::Status Check() {
    // libllama takes a string of C, and would see only what is before.
    at_ = std::min(text_.find('\0'), text_.size());
    if (!AtEnd()) return Wrong("a zero byte");
    at_ = 0;
    Skip(true);
    while (!AtEnd()) ABSL_RETURN_IF_ERROR(Rule());
    if (!defined_.contains("root")) return Wrong("there is no rule \"root\"");
    for (const auto& [name, at] : used_) {
      if (defined_.contains(name)) continue;
      at_ = at;
      return Wrong(absl::StrCat("there is no rule \"", name, "\""));
    }
    return CheckWays();
  }

  bool names_tokens() const { return names_tokens_; }

 private:
  // The symbol that may be repeated next, as libllama counts.
  struct Symbol {
    std::uint64_t elements = 0;
    std::uint64_t rules = 1;  // it stands for
  };

  absl::Status CheckWays() {
    switch (ways_.Check()) {
      case GbnfWays::Verdict::kMany:
        return absl::InvalidArgumentError(
            absl::StrCat("the text may go on in more than ", GbnfWays::kMost,
                         " ways: repetitions of what may be empty, or alternatives, are too many"));
      case GbnfWays::Verdict::kDeep:
        return absl::InvalidArgumentError(
            absl::StrCat("more than ", GbnfWays::kDeepest, " rules begin with one another"));
      case GbnfWays::Verdict::kFew:
        break;
    }
    return absl::OkStatus();
  }

  // The rule of this name; libllama numbers them as they are met.
  int RuleOf(std::string_view name) {
    const auto [known, is_new] = rules_.try_emplace(name, 0);
    if (is_new) {
      known->second = ways_.AddRule();
      ++symbols_;
    }
    return known->second;
  }

  absl::Status Count(std::uint64_t elements) {
    elements_ += elements;
    if (elements_ <= kMostElements) return absl::OkStatus();
    return Wrong(absl::StrCat("with all repetitions the grammar has more than ", kMostElements,
                              " elements"));
  }

  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }

  absl::Status Wrong(std::string_view why) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ", column ", column, ": ", why));
  }

  // White space and comments; across line ends where a rule cannot end.
  void Skip(bool lines) {
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '#') {
        while (!AtEnd() && Peek() != '\r' && Peek() != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || (lines && (c == '\r' || c == '\n'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view Name() {
    const std::size_t begin = at_;
    while (!AtEnd() && IsWord(Peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  absl::Status Rule() {
    const std::string_view name = Name();
    if (name.empty()) return Wrong("the name of a rule is expected");
    defined_.insert(name);
    const int rule = RuleOf(name);
    Skip(false);
    if (!Take("::=")) return Wrong("\"::=\" is expected");
    Skip(true);
    ABSL_RETURN_IF_ERROR(Alternatives(0, rule));
    if (!AtEnd() && Peek() != '\r' && Peek() != '\n')
      return Wrong("the end of the rule is expected");
    Skip(true);
    return absl::OkStatus();
  }

  absl::Status Alternatives(int depth, int rule) {
    if (depth > kDeepest) return Wrong(absl::StrCat("groups are nested deeper than ", kDeepest));
    std::vector<GbnfWays::Sequence> alternatives;
    do {
      Skip(true);
      ABSL_RETURN_IF_ERROR(Sequence(depth, alternatives.emplace_back()));
      ABSL_RETURN_IF_ERROR(Count(1));
    } while (Take("|"));
    ways_.Define(rule, std::move(alternatives));
    return absl::OkStatus();
  }

  absl::Status Sequence(int depth, GbnfWays::Sequence& parts) {
    Symbol symbol;
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (symbol.elements == 0) return Wrong("there is nothing to repeat");
        ABSL_RETURN_IF_ERROR(Repetition(symbol, parts.back()));
      } else {
        const std::uint64_t before = elements_;
        symbol = {};
        if (c == '"') {
          ABSL_RETURN_IF_ERROR(Quoted('"'));
        } else if (c == '[') {
          ABSL_RETURN_IF_ERROR(Quoted(']'));
        } else if (c == '<' || c == '!') {
          ABSL_RETURN_IF_ERROR(Token());
        } else if (c == '.') {
          ++at_;
          ABSL_RETURN_IF_ERROR(Count(1));
        } else if (c != '(' && !IsWord(c)) {
          break;
        }
        parts.push_back({.optional = c == '"' && elements_ == before});
        symbol.elements = elements_ - before;
        if (c == '(' || IsWord(c)) {
          ABSL_RETURN_IF_ERROR(c == '(' ? Group(depth, symbol, parts.back())
                                        : Reference(parts.back()));
          ABSL_RETURN_IF_ERROR(Count(1));
          symbol.elements = 1;
        }
      }
      Skip(depth > 0);
    }
    return absl::OkStatus();
  }

  absl::Status Reference(GbnfWays::Part& part) {
    const std::size_t begin = at_;
    const std::string_view name = Name();
    used_.try_emplace(name, begin);
    part.rule = RuleOf(name);
    return absl::OkStatus();
  }

  absl::Status Group(int depth, Symbol& symbol, GbnfWays::Part& part) {
    ++at_;
    Skip(true);
    const std::uint64_t before = symbols_++;
    part.rule = ways_.AddRule();
    ABSL_RETURN_IF_ERROR(Alternatives(depth + 1, part.rule));
    symbol.rules = symbols_ - before;
    if (!Take(")")) return Wrong("\")\" is expected");
    return absl::OkStatus();
  }

  // A literal, or a class of characters: both end at `end`, both know the same escapes.
  absl::Status Quoted(char end) {
    const std::size_t begin = at_++;
    while (!AtEnd() && Peek() != end) {
      ABSL_RETURN_IF_ERROR(Count(1));
      if (Take("\\")) {
        ABSL_RETURN_IF_ERROR(Escape());
      } else {
        ++at_;
      }
    }
    if (!AtEnd()) {
      ++at_;
      return absl::OkStatus();
    }
    at_ = begin;
    return Wrong(end == '"' ? "the string does not end" : "the class of characters does not end");
  }

  absl::Status Escape() {
    const char c = Peek();
    const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      if (AtEnd() || !std::string_view("trn\\\"[]").contains(c)) return Wrong("an unknown escape");
      ++at_;
      return absl::OkStatus();
    }
    ++at_;
    for (int i = 0; i < digits; ++i, ++at_) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(Peek())))
        return Wrong(absl::StrCat(digits, " hexadecimal digits are expected"));
    }
    return absl::OkStatus();
  }

  // A token by its id or its text: <[1000]>, <think>, !<|end|>.
  absl::Status Token() {
    Take("!");
    const std::size_t begin = at_;
    if (!Take("<")) return Wrong("\"<\" is expected");
    while (!AtEnd() && Peek() != '>' && Peek() != '\n') ++at_;
    if (Take(">")) {
      names_tokens_ = true;
      return Count(1);
    }
    at_ = begin;
    return Wrong("the token does not end");
  }

  absl::Status Repetition(Symbol& symbol, GbnfWays::Part& part) {
    const std::size_t begin = at_;
    std::uint64_t min = Peek() == '+' ? 1 : 0;
    std::optional<std::uint64_t> max;
    if (Peek() == '?') max = 1;
    if (text_[at_++] == '{') {
      Skip(true);
      ABSL_ASSIGN_OR_RETURN(const auto first, Number());
      if (!first) return Wrong("a number is expected");
      min = *first;
      max = first;
      Skip(true);
      if (Take(",")) {
        Skip(true);
        ABSL_ASSIGN_OR_RETURN(max, Number());
        Skip(true);
      }
      if (!Take("}")) return Wrong("\"}\" is expected");
    }
    const std::size_t end = std::exchange(at_, begin);
    if (max && *max < min) return Wrong("the numbers of repetitions are out of order");
    ABSL_RETURN_IF_ERROR(Repeat(min, max, symbol, part));
    at_ = end;
    return absl::OkStatus();
  }

  // libllama copies what is repeated: as often as it must be there into the sequence, and once for
  // each time that it may be there into a rule of its own.
  absl::Status Repeat(std::uint64_t min, std::optional<std::uint64_t> max, Symbol& symbol,
                      GbnfWays::Part& part) {
    const std::uint64_t times = std::max<std::uint64_t>(1, max && *max > 0 ? *max : min);
    symbol.rules *= times;
    if (symbol.rules > kMostRepetitions) {
      return Wrong(absl::StrCat("more than ", kMostRepetitions,
                                " repetitions, those of rules and repetitions within counted"));
    }
    const std::uint64_t optional = max ? *max - min : 1;
    ABSL_RETURN_IF_ERROR(Count(symbol.elements * min + (symbol.elements + 3) * optional));
    symbol.elements = symbol.elements * min + (optional > 0 ? 1 : 0);
    symbols_ += optional;
    part.copies *= times;
    part.optional |= min == 0;
    return absl::OkStatus();
  }

  // Nothing when there is none.
  absl::StatusOr<std::optional<std::uint64_t>> Number() {
    std::uint64_t number = 0;
    const std::size_t begin = at_;
    for (; absl::ascii_isdigit(static_cast<unsigned char>(Peek())); ++at_) {
      number = number * 10 + static_cast<std::uint64_t>(Peek() - '0');
      if (number > kMostRepetitions)
        return Wrong(absl::StrCat("more than ", kMostRepetitions, " repetitions"));
    }
    if (at_ == begin) return std::nullopt;
    return number;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  absl::flat_hash_set<std::string_view> defined_;
  absl::flat_hash_map<std::string_view, std::size_t> used_;  // with the place of the first use
  absl::flat_hash_map<std::string_view, int> rules_;
  GbnfWays ways_;
  std::uint64_t symbols_ = 0;   // rules, as libllama counts them
  std::uint64_t elements_ = 0;  // of all rules
  bool names_tokens_ = false;
};

}  // namespace

absl::Status CheckGbnf(std::string_view gbnf, GbnfFacts* facts) {
  Checker checker(gbnf);
  const absl::Status checked = checker.Check();
  if (facts != nullptr) facts->names_tokens = checker.names_tokens();
  return checked;
}

}  // namespace chasqui::worker
