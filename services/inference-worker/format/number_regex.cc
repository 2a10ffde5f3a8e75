// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/number_regex.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chasqui::worker {
namespace {

using Alternatives = std::vector<std::string>;

constexpr std::int64_t kLargest = 9'999'999'999'999'999;
constexpr std::size_t kMostPlaces = 16;  // digits after the point

std::string Digits(std::size_t count) {
  return count == 0 ? "" : absl::StrCat("[0-9]{", count, "}");
}

std::string DigitRange(char first, char last) {
  return first == last ? std::string(1, first)
                       : absl::StrCat("[", std::string(1, first), "-", std::string(1, last), "]");
}

std::string AnyOf(const Alternatives& alternatives) {
  return absl::StrCat("(?:", absl::StrJoin(alternatives, "|"), ")");
}

// Texts of digits from `low` to `high`, which are equally long.
void AddSameLength(std::string_view low, std::string_view high, const std::string& prefix,
                   Alternatives& out) {
  if (low == high) return out.push_back(absl::StrCat(prefix, low));
  if (low.front() == high.front()) {
    return AddSameLength(low.substr(1), high.substr(1), absl::StrCat(prefix, low.substr(0, 1)),
                         out);
  }
  const std::size_t rest = low.size() - 1;
  char first = low.front();
  char last = high.front();
  if (low.substr(1) != std::string(rest, '0')) {
    AddSameLength(low.substr(1), std::string(rest, '9'), absl::StrCat(prefix, low.substr(0, 1)),
                  out);
    ++first;
  }
  const bool whole_last = high.substr(1) == std::string(rest, '9');
  if (!whole_last) --last;
  if (first <= last) out.push_back(absl::StrCat(prefix, DigitRange(first, last), Digits(rest)));
  if (!whole_last) {
    AddSameLength(std::string(rest, '0'), high.substr(1), absl::StrCat(prefix, high.substr(0, 1)),
                  out);
  }
}

// Integers from `low`, which is not negative, to `high`.
void AddIntegers(std::int64_t low, std::int64_t high, Alternatives& out) {
  while (low <= high) {
    const std::string text = absl::StrCat(low);
    std::int64_t longest = 9;  // of as many digits
    for (std::size_t i = 1; i < text.size(); ++i) longest = longest * 10 + 9;
    AddSameLength(text, absl::StrCat(std::min(high, longest)), "", out);
    low = longest + 1;
  }
}

// A number that is not negative: its digits before and after the point.
struct Decimal {
  std::int64_t whole = 0;
  std::string fraction;
  bool exclusive = false;
};

Decimal ToDecimal(const NumberBound& bound) {
  char buffer[400];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::abs(bound.value),
                                 std::chars_format::fixed);
  const std::string_view text(buffer, end.ptr);
  const std::size_t point = text.find('.');
  Decimal decimal{.exclusive = bound.exclusive};
  const std::string_view whole = text.substr(0, point);
  std::from_chars(whole.data(), whole.data() + whole.size(), decimal.whole);
  if (point != std::string_view::npos) decimal.fraction = text.substr(point + 1);
  while (decimal.fraction.ends_with('0')) decimal.fraction.pop_back();
  return decimal;
}

// The digits from position `i` on of fractions within bounds, of which those that are set have the
// same digits before it. "" is a member where nothing need follow. Nothing when there is none.
std::optional<std::string> FractionRest(std::size_t i, const Decimal* low, const Decimal* high,
                                        std::size_t places) {
  if (low != nullptr && i >= low->fraction.size() && !low->exclusive) low = nullptr;
  if (low == nullptr && high == nullptr)
    return i < places ? absl::StrCat("[0-9]{", i == 0 ? 1 : 0, ",", places - i, "}") : "";
  const bool at_low = low != nullptr && i >= low->fraction.size();
  const bool at_high = high != nullptr && i >= high->fraction.size();
  if (at_high) {
    if (i == 0 || low != nullptr || high->exclusive) return std::nullopt;
    return "";
  }
  Alternatives out;
  if (low == nullptr && i > 0)
    out.emplace_back();  // shorter is less than `high`, which has digits left
  if (i >= places) return out.empty() ? std::nullopt : std::optional<std::string>("");
  char first = low == nullptr || at_low ? '0' : low->fraction[i];
  char last = high == nullptr ? '9' : high->fraction[i];
  if (low != nullptr && high != nullptr && first == last) {
    const auto rest = FractionRest(i + 1, low, high, places);
    if (rest) out.push_back(absl::StrCat(std::string(1, first), *rest));
  } else {
    if (low != nullptr) {
      if (const auto rest = FractionRest(i + 1, low, nullptr, places))
        out.push_back(absl::StrCat(std::string(1, first), *rest));
      ++first;
    }
    if (high != nullptr) {
      if (const auto rest = FractionRest(i + 1, nullptr, high, places))
        out.push_back(absl::StrCat(std::string(1, last), *rest));
      --last;
    }
    if (first <= last)
      out.push_back(
          absl::StrCat(DigitRange(first, last), *FractionRest(i + 1, nullptr, nullptr, places)));
  }
  return out.empty() ? std::nullopt : std::optional(AnyOf(out));
}

// How many digits after the point numbers near the bounds may have. With more than 15 significant
// ones a double would not tell them from a bound that they must not reach.
std::size_t Places(const std::optional<NumberBound>& low, const std::optional<NumberBound>& high) {
  if (!low && !high) return kMostPlaces;
  const double greatest =
      std::max(low ? std::abs(low->value) : 0, high ? std::abs(high->value) : 0);
  const std::size_t digits = absl::StrCat(static_cast<std::int64_t>(greatest) + 1).size();
  return digits < 14 ? 15 - digits : 1;
}

bool AllowsNone(const Decimal* low, const Decimal* high) {
  return (low == nullptr || (low->fraction.empty() && !low->exclusive)) &&
         (high == nullptr || !high->fraction.empty() || !high->exclusive);
}

// The point and the fraction, or none.
std::optional<std::string> Fraction(const Decimal* low, const Decimal* high, std::size_t places) {
  Alternatives out;
  if (AllowsNone(low, high)) out.emplace_back();
  if (const auto rest = FractionRest(0, low, high, places))
    out.push_back(absl::StrCat("\\.", *rest));
  return out.empty() ? std::nullopt : std::optional(AnyOf(out));
}

// Numbers that are not negative, between the bounds that are set.
void AddNumbers(const std::string& sign, const Decimal& low, const std::optional<Decimal>& high,
                std::size_t places, Alternatives& out) {
  if (high && high->whole < low.whole) return;
  if (high && high->whole == low.whole) {
    if (low.fraction == high->fraction && (low.exclusive || high->exclusive)) return;
    if (low.fraction > high->fraction) return;
    if (low.fraction == high->fraction) {
      const std::string point = low.fraction.empty() ? "" : "\\.";
      return out.push_back(absl::StrCat(sign, low.whole, point, low.fraction));
    }
    if (const auto fraction = Fraction(&low, &*high, places))
      out.push_back(absl::StrCat(sign, low.whole, *fraction));
    return;
  }
  if (const auto fraction = Fraction(&low, nullptr, places))
    out.push_back(absl::StrCat(sign, low.whole, *fraction));
  Alternatives between;
  AddIntegers(low.whole + 1, high ? high->whole - 1 : kLargest, between);
  if (!between.empty())
    out.push_back(absl::StrCat(sign, AnyOf(between), *Fraction(nullptr, nullptr, places)));
  if (!high) return;
  if (const auto fraction = Fraction(nullptr, &*high, places))
    out.push_back(absl::StrCat(sign, high->whole, *fraction));
}

}  // namespace

std::optional<std::string> IntegerRegex(std::optional<std::int64_t> low,
                                        std::optional<std::int64_t> high) {
  const std::int64_t least = low.value_or(-kLargest);
  const std::int64_t greatest = high.value_or(kLargest);
  Alternatives negative;
  AddIntegers(std::max<std::int64_t>(1, -greatest), -least, negative);
  Alternatives out;
  if (!negative.empty()) out.push_back(absl::StrCat("-", AnyOf(negative)));
  AddIntegers(std::max<std::int64_t>(0, least), greatest, out);
  return out.empty() ? std::nullopt : std::optional(AnyOf(out));
}

std::optional<std::string> NumberRegex(std::optional<NumberBound> low,
                                       std::optional<NumberBound> high) {
  Alternatives out;
  const std::size_t places = Places(low, high);
  const Decimal above_zero{.exclusive = true};
  if (!low || low->value < 0) {
    const bool below_zero = high && high->value < 0;
    AddNumbers("-", below_zero ? ToDecimal(*high) : above_zero,
               low ? std::optional(ToDecimal(*low)) : std::nullopt, places, out);
  }
  if (!high || high->value >= 0) {
    AddNumbers("", low && low->value >= 0 ? ToDecimal(*low) : Decimal{},
               high ? std::optional(ToDecimal(*high)) : std::nullopt, places, out);
  }
  return out.empty() ? std::nullopt : std::optional(AnyOf(out));
}

}  // namespace chasqui::worker
