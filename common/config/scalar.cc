// SPDX-License-Identifier: Apache-2.0
#include "common/config/scalar.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace chasqui::config {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// "1.5 s" becomes "1.5s": one blank between a number and its unit is how people write.
std::string JoinUnits(std::string_view text) {
  std::string joined;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separates_unit = text[i] == ' ' && i > 0 && absl::ascii_isdigit(text[i - 1]) &&
                                i + 1 < text.size() && absl::ascii_isalpha(text[i + 1]);
    if (!separates_unit) joined.push_back(text[i]);
  }
  return joined;
}

struct ByteUnit {
  std::string_view name;
  double bytes;
};

// Longest suffix first, so that "KiB" is not read as "B".
constexpr std::array kByteUnits = {
    ByteUnit{"TiB", 1024.0 * 1024 * 1024 * 1024},
    ByteUnit{"GiB", 1024.0 * 1024 * 1024},
    ByteUnit{"MiB", 1024.0 * 1024},
    ByteUnit{"KiB", 1024.0},
    ByteUnit{"TB", 1e12},
    ByteUnit{"GB", 1e9},
    ByteUnit{"MB", 1e6},
    ByteUnit{"KB", 1e3},
    ByteUnit{"B", 1},
};

absl::Status NotADuration() {
  return absl::InvalidArgumentError("must be a duration such as 200ms, 1.5s or 1h30m");
}

absl::Status NotASize() {
  return absl::InvalidArgumentError("must be a size such as 512, 64KiB or 1.5GiB");
}

}  // namespace

absl::StatusOr<nanoseconds> ParseDuration(std::string_view text) {
  const std::string joined = absl::StrReplaceAll(JoinUnits(absl::StripAsciiWhitespace(text)),
                                                 {{"min", "m"}, {"µs", "us"}});
  absl::Duration parsed;
  if (!absl::ParseDuration(joined, &parsed) || parsed < absl::ZeroDuration()) return NotADuration();
  if (parsed > absl::FromChrono(nanoseconds::max())) {
    return absl::InvalidArgumentError("must be a duration shorter than 292 years");
  }
  return absl::ToChronoNanoseconds(parsed);
}

std::string FormatDuration(nanoseconds duration) {
  return absl::FormatDuration(absl::FromChrono(duration));
}

absl::StatusOr<std::uint64_t> ParseByteSize(std::string_view text) {
  std::string_view number = absl::StripAsciiWhitespace(text);
  if (std::uint64_t bytes = 0; absl::SimpleAtoi(number, &bytes)) return bytes;
  double unit = 0;
  for (const ByteUnit& candidate : kByteUnits) {
    if (!absl::EndsWithIgnoreCase(number, candidate.name)) continue;
    number =
        absl::StripTrailingAsciiWhitespace(number.substr(0, number.size() - candidate.name.size()));
    unit = candidate.bytes;
    break;
  }
  // strtod's hexadecimal and "inf" are numbers to SimpleAtod, but not to an operator.
  const bool is_plain = !number.empty() && absl::ascii_isdigit(number.front()) &&
                        number.find_first_not_of("0123456789.") == std::string_view::npos;
  double amount = 0;
  if (unit == 0 || !is_plain || !absl::SimpleAtod(number, &amount)) return NotASize();
  const double bytes = amount * unit;
  if (bytes >= std::ldexp(1.0, 64)) {
    return absl::InvalidArgumentError("must be a size below 16777216TiB");
  }
  if (bytes != std::floor(bytes)) {
    return absl::InvalidArgumentError("must be a whole number of bytes");
  }
  return static_cast<std::uint64_t>(bytes);
}

std::string FormatByteSize(std::uint64_t bytes) {
  constexpr std::array kBinary = {"TiB", "GiB", "MiB", "KiB"};
  for (std::size_t i = 0; i < kBinary.size(); ++i) {
    const std::uint64_t unit = std::uint64_t{1} << (10 * (kBinary.size() - i));
    if (bytes >= unit && bytes % unit == 0) return absl::StrCat(bytes / unit, kBinary[i]);
  }
  return absl::StrCat(bytes);
}

absl::StatusOr<bool> ParseBool(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  return absl::InvalidArgumentError("must be true or false");
}

nanoseconds FromProto(const google::protobuf::Duration& duration) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kNanosPerSecond - 1;
  if (duration.seconds() > kMost) return nanoseconds::max();
  if (duration.seconds() < -kMost) return nanoseconds::min();
  return nanoseconds(duration.seconds() * kNanosPerSecond + duration.nanos());
}

google::protobuf::Duration ToProto(nanoseconds duration) {
  google::protobuf::Duration result;
  result.set_seconds(duration.count() / kNanosPerSecond);
  result.set_nanos(static_cast<std::int32_t>(duration.count() % kNanosPerSecond));
  return result;
}

}  // namespace chasqui::config
