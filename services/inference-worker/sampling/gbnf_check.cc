// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/gbnf_check.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

constexpr int kDeepest = 64;            // groups within groups: libllama's parser calls itself
constexpr int kMostRepetitions = 2000;  // libllama's own limit

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

// Reads a grammar from its beginning to its end; the position is where it is wrong when it is.
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
    return absl::OkStatus();
  }

 private:
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
    Skip(false);
    if (!Take("::=")) return Wrong("\"::=\" is expected");
    Skip(true);
    ABSL_RETURN_IF_ERROR(Alternatives(0));
    if (!AtEnd() && Peek() != '\r' && Peek() != '\n')
      return Wrong("the end of the rule is expected");
    Skip(true);
    return absl::OkStatus();
  }

  absl::Status Alternatives(int depth) {
    if (depth > kDeepest) return Wrong(absl::StrCat("groups are nested deeper than ", kDeepest));
    ABSL_RETURN_IF_ERROR(Sequence(depth));
    while (Take("|")) {
      Skip(true);
      ABSL_RETURN_IF_ERROR(Sequence(depth));
    }
    return absl::OkStatus();
  }

  absl::Status Sequence(int depth) {
    bool repeatable = false;
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '"') {
        ABSL_RETURN_IF_ERROR(Quoted('"'));
      } else if (c == '[') {
        ABSL_RETURN_IF_ERROR(Quoted(']'));
      } else if (c == '<' || c == '!') {
        ABSL_RETURN_IF_ERROR(Token());
      } else if (c == '.') {
        ++at_;
      } else if (c == '(') {
        ABSL_RETURN_IF_ERROR(Group(depth));
      } else if (IsWord(c)) {
        const std::size_t begin = at_;
        used_.try_emplace(Name(), begin);
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (!repeatable) return Wrong("there is nothing to repeat");
        ABSL_RETURN_IF_ERROR(Repetition());
      } else {
        break;
      }
      repeatable = true;
      Skip(depth > 0);
    }
    return absl::OkStatus();
  }

  absl::Status Group(int depth) {
    ++at_;
    Skip(true);
    ABSL_RETURN_IF_ERROR(Alternatives(depth + 1));
    if (!Take(")")) return Wrong("\")\" is expected");
    return absl::OkStatus();
  }

  // A literal, or a class of characters: both end at `end`, both know the same escapes.
  absl::Status Quoted(char end) {
    const std::size_t begin = at_++;
    while (!AtEnd() && Peek() != end) {
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
    if (Take(">")) return absl::OkStatus();
    at_ = begin;
    return Wrong("the token does not end");
  }

  absl::Status Repetition() {
    if (Peek() != '{') {
      ++at_;
      return absl::OkStatus();
    }
    ++at_;
    Skip(true);
    ABSL_RETURN_IF_ERROR(Number(true));
    Skip(true);
    if (Take(",")) {
      Skip(true);
      ABSL_RETURN_IF_ERROR(Number(false));
      Skip(true);
    }
    if (!Take("}")) return Wrong("\"}\" is expected");
    return absl::OkStatus();
  }

  absl::Status Number(bool required) {
    int number = 0;
    const std::size_t begin = at_;
    for (; absl::ascii_isdigit(static_cast<unsigned char>(Peek())); ++at_) {
      number = number * 10 + (Peek() - '0');
      if (number > kMostRepetitions)
        return Wrong(absl::StrCat("more than ", kMostRepetitions, " repetitions"));
    }
    if (required && at_ == begin) return Wrong("a number is expected");
    return absl::OkStatus();
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  absl::flat_hash_set<std::string_view> defined_;
  absl::flat_hash_map<std::string_view, std::size_t> used_;  // with the place of the first use
};

}  // namespace

absl::Status CheckGbnf(std::string_view gbnf) { return Checker(gbnf).Check(); }

}  // namespace chasqui::worker
