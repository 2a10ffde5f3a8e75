// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/regex.h"

#include <string>

#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/inference-worker/format/utf8_decode.h"

namespace chasqui::worker {
namespace {

constexpr int kDeepest = 64;            // groups within groups: the parser calls itself
constexpr int kMostRepetitions = 1999;  // libllama refuses 2000

CharSet Digits() { return CharSet({{'0', '9'}}); }
CharSet WordChars() { return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
CharSet Spaces() {
  return CharSet({{'\t', '\r'},
                  {' ', ' '},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}
CharSet LineEnds() { return CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

Pattern Anything() { return Pattern::Repeat(Pattern::Chars(CharSet::All()), 0, std::nullopt); }

class Parser {
 public:
  Parser(std::string_view regex, RegexMatch match) : text_(regex), match_(match) {}

  absl::StatusOr<Pattern> Parse() {
    if (const auto wrong = FirstInvalidUtf8(text_)) {
      at_ = *wrong;
      return Wrong("the text is not UTF-8");
    }
    std::vector<Pattern> alternatives;
    do {
      ABSL_ASSIGN_OR_RETURN(Pattern alternative, TopAlternative());
      alternatives.push_back(std::move(alternative));
    } while (Take("|"));
    if (!AtEnd()) return Wrong("\")\" closes nothing");
    return Pattern::Alternatives(std::move(alternatives));
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
    return absl::InvalidArgumentError(absl::StrCat("at byte ", at_ + 1, ": ", why));
  }

  // An anchor stands at the ends of an alternative of the whole, and nowhere else.
  absl::StatusOr<Pattern> TopAlternative() {
    std::vector<Pattern> parts;
    if (!Take("^") && match_ == RegexMatch::kAnywhere) parts.push_back(Anything());
    ABSL_ASSIGN_OR_RETURN(Pattern sequence, Sequence(0));
    parts.push_back(std::move(sequence));
    if (!Take("$")) {
      if (match_ == RegexMatch::kAnywhere) parts.push_back(Anything());
    } else if (!AtEnd() && Peek() != '|') {
      return Wrong("\"$\" stands only at the end");
    }
    return Pattern::Sequence(std::move(parts));
  }

  absl::StatusOr<Pattern> Alternatives(int depth) {
    if (depth > kDeepest) return Wrong(absl::StrCat("groups are nested deeper than ", kDeepest));
    std::vector<Pattern> alternatives;
    do {
      ABSL_ASSIGN_OR_RETURN(Pattern alternative, Sequence(depth));
      alternatives.push_back(std::move(alternative));
    } while (Take("|"));
    return Pattern::Alternatives(std::move(alternatives));
  }

  absl::StatusOr<Pattern> Sequence(int depth) {
    std::vector<Pattern> parts;
    while (!AtEnd() && Peek() != '|' && Peek() != ')') {
      if (Peek() == '$' && depth == 0) break;
      ABSL_ASSIGN_OR_RETURN(Pattern part, Atom(depth));
      ABSL_ASSIGN_OR_RETURN(part, Quantified(std::move(part)));
      parts.push_back(std::move(part));
    }
    return Pattern::Sequence(std::move(parts));
  }

  absl::StatusOr<Pattern> Atom(int depth) {
    switch (Peek()) {
      case '(':
        return Group(depth);
      case '[': {
        ABSL_ASSIGN_OR_RETURN(CharSet chars, Class());
        return Pattern::Chars(std::move(chars));
      }
      case '.':
        ++at_;
        return Pattern::Chars(LineEnds().Complement());
      case '\\': {
        ABSL_ASSIGN_OR_RETURN(CharSet chars, Escape(false));
        return Pattern::Chars(std::move(chars));
      }
      case '^':
        return Wrong("\"^\" stands only at the beginning");
      case '$':
        return Wrong("\"$\" stands only at the end");
      case '*':
      case '+':
      case '?':
      case '{':
        return Wrong("there is nothing to repeat");
      case ']':
      case '}':
        return Wrong(absl::StrCat("\"", text_.substr(at_, 1), "\" closes nothing: escape it"));
      default: {
        ABSL_ASSIGN_OR_RETURN(const std::uint32_t c, Literal());
        return Pattern::Chars(CharSet::One(c));
      }
    }
  }

  absl::StatusOr<Pattern> Group(int depth) {
    const std::size_t begin = at_;
    Take("(");
    if (Take("?")) {
      if (text_.substr(at_).starts_with("=") || text_.substr(at_).starts_with("!"))
        return Wrong("looking ahead is not supported");
      if (text_.substr(at_).starts_with("<=") || text_.substr(at_).starts_with("<!"))
        return Wrong("looking behind is not supported");
      if (Take("<") || Take("P<")) {
        if (!absl::ascii_isalpha(static_cast<unsigned char>(Peek())) && Peek() != '_')
          return Wrong("the name of a group is expected");
        while (absl::ascii_isalnum(static_cast<unsigned char>(Peek())) || Peek() == '_') ++at_;
        if (!Take(">")) return Wrong("\">\" is expected");
      } else if (!Take(":")) {
        return Wrong("flags and groups of this kind are not supported");
      }
    }
    ABSL_ASSIGN_OR_RETURN(Pattern inner, Alternatives(depth + 1));
    if (Take(")")) return inner;
    at_ = begin;
    return Wrong("the group does not end");
  }

  absl::StatusOr<Pattern> Quantified(Pattern part) {
    int min = 0;
    std::optional<int> max;
    if (Take("*")) {
    } else if (Take("+")) {
      min = 1;
    } else if (Take("?")) {
      max = 1;
    } else if (Take("{")) {
      ABSL_ASSIGN_OR_RETURN(min, Number());
      max = min;
      if (Take(",")) {
        max.reset();
        if (Peek() != '}') {
          ABSL_ASSIGN_OR_RETURN(max, Number());
        }
      }
      if (!Take("}")) return Wrong("\"}\" is expected");
      if (max && *max < min) return Wrong("the numbers of repetitions are out of order");
    } else {
      return part;
    }
    Take("?");  // lazy: the same texts match
    if (Peek() == '+') return Wrong("possessive quantifiers are not supported");
    if (Peek() == '*' || Peek() == '?' || Peek() == '{') return Wrong("there is nothing to repeat");
    return Pattern::Repeat(std::move(part), min, max);
  }

  absl::StatusOr<int> Number() {
    const std::size_t begin = at_;
    int number = 0;
    for (; absl::ascii_isdigit(static_cast<unsigned char>(Peek())); ++at_) {
      number = number * 10 + (Peek() - '0');
      if (number > kMostRepetitions) {
        at_ = begin;
        return Wrong(absl::StrCat("more than ", kMostRepetitions, " repetitions"));
      }
    }
    if (at_ == begin) return Wrong("a number is expected");
    return number;
  }

  absl::StatusOr<std::uint32_t> Literal() {
    const Utf8Char c = DecodeUtf8(text_.substr(at_));
    if (c.value == 0) return Wrong("a zero character");
    at_ += c.size;
    return c.value;
  }

  absl::StatusOr<CharSet> Class() {
    const std::size_t begin = at_;
    Take("[");
    const bool negated = Take("^");
    CharSet chars;
    while (!AtEnd() && Peek() != ']') {
      ABSL_ASSIGN_OR_RETURN(CharSet low, ClassMember());
      if (Peek() == '-' && !text_.substr(at_).starts_with("-]")) {
        ++at_;
        if (AtEnd()) break;
        ABSL_ASSIGN_OR_RETURN(const CharSet high, ClassMember());
        if (!IsOne(low) || !IsOne(high)) return Wrong("a range ends in a class of characters");
        const std::uint32_t first = low.ranges().front().first;
        const std::uint32_t last = high.ranges().front().first;
        if (last < first) return Wrong("the range is out of order");
        low = CharSet({{first, last}});
      }
      chars = chars.Union(low);
    }
    if (!Take("]")) {
      at_ = begin;
      return Wrong("the class of characters does not end");
    }
    if (negated) chars = chars.Complement();
    if (chars.empty()) return Wrong("the class of characters is empty");
    return chars;
  }

  static bool IsOne(const CharSet& set) {
    return set.ranges().size() == 1 && set.ranges().front().first == set.ranges().front().last;
  }

  absl::StatusOr<CharSet> ClassMember() {
    if (Peek() == '\\') return Escape(true);
    ABSL_ASSIGN_OR_RETURN(const std::uint32_t c, Literal());
    return CharSet::One(c);
  }

  absl::StatusOr<CharSet> Escape(bool in_class) {
    ++at_;
    if (AtEnd()) return Wrong("the escape does not end");
    const char c = Peek();
    if (c == 'p' || c == 'P') return Wrong("classes by Unicode property are not supported");
    if (c == 'b' && in_class) {
      ++at_;
      return CharSet::One('\b');
    }
    if (c == 'b' || c == 'B') return Wrong("word boundaries are not supported");
    if ((c >= '0' && c <= '9') || c == 'k') return Wrong("references to groups are not supported");
    if (c == 'x' || c == 'u') return HexEscape();
    static constexpr std::string_view kLetters = "nrtfv";
    static constexpr std::string_view kMeanings = "\n\r\t\f\v";
    if (const auto i = kLetters.find(c); i != std::string_view::npos) {
      ++at_;
      return CharSet::One(static_cast<unsigned char>(kMeanings[i]));
    }
    static constexpr std::string_view kClasses = "dDwWsS";
    if (kClasses.contains(c)) {
      ++at_;
      const CharSet set = c == 'd' || c == 'D'   ? Digits()
                          : c == 'w' || c == 'W' ? WordChars()
                                                 : Spaces();
      return absl::ascii_isupper(static_cast<unsigned char>(c)) ? set.Complement() : set;
    }
    if (!absl::ascii_ispunct(static_cast<unsigned char>(c)) && c != ' ')
      return Wrong("an unknown escape");
    ++at_;
    return CharSet::One(static_cast<unsigned char>(c));
  }

  // \xHH, \uHHHH (two of them for a pair of surrogates) and \u{H...}.
  absl::StatusOr<CharSet> HexEscape() {
    const bool is_x = Peek() == 'x';
    ++at_;
    std::uint32_t value = 0;
    if (!is_x && Take("{")) {
      const std::size_t begin = at_;
      while (!AtEnd() && Peek() != '}' && at_ - begin < 6) {
        ABSL_ASSIGN_OR_RETURN(value, Hex(value));
      }
      if (at_ == begin || !Take("}")) return Wrong("1 to 6 hexadecimal digits are expected");
    } else {
      for (int i = is_x ? 2 : 4; i > 0; --i) {
        ABSL_ASSIGN_OR_RETURN(value, Hex(value));
      }
      if (value >= 0xD800 && value <= 0xDBFF && Take("\\u")) {
        std::uint32_t low = 0;
        for (int i = 4; i > 0; --i) {
          ABSL_ASSIGN_OR_RETURN(low, Hex(low));
        }
        if (low < 0xDC00 || low > 0xDFFF) return Wrong("half a pair of surrogates");
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    CharSet set = CharSet::One(value);
    if (set.empty()) return Wrong("the escape is no character");
    return set;
  }

  absl::StatusOr<std::uint32_t> Hex(std::uint32_t value) {
    const auto c = static_cast<unsigned char>(Peek());
    if (!absl::ascii_isxdigit(c)) return Wrong("hexadecimal digits are expected");
    ++at_;
    return value * 16 + (absl::ascii_isdigit(c)
                             ? static_cast<std::uint32_t>(c - '0')
                             : static_cast<std::uint32_t>(absl::ascii_tolower(c) - 'a' + 10));
  }

  const std::string_view text_;
  const RegexMatch match_;
  std::size_t at_ = 0;
};

}  // namespace

absl::StatusOr<Pattern> ParseRegex(std::string_view regex, RegexMatch match) {
  return Parser(regex, match).Parse();
}

}  // namespace chasqui::worker
