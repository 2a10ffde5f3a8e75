// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize_log.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace chasqui::quantize {
namespace {

std::optional<std::uint32_t> Number(std::string_view text) {
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &number)) return std::nullopt;
  return number;
}

}  // namespace

std::optional<TensorLine> ParseTensorLine(std::string_view line) {
  if (!absl::ConsumePrefix(&line, "[")) return std::nullopt;
  const std::size_t slash = line.find('/');
  const std::size_t close = line.find(']');
  if (slash == std::string_view::npos || close == std::string_view::npos || slash > close)
    return std::nullopt;
  const auto number = Number(line.substr(0, slash));
  const auto count = Number(line.substr(slash + 1, close - slash - 1));
  const std::vector<std::string_view> words =
      absl::StrSplit(line.substr(close + 1), ' ', absl::SkipEmpty());
  if (!number || !count || *number == 0 || *number > *count || words.empty()) return std::nullopt;
  return TensorLine{.number = *number, .count = *count, .name = std::string(words.front())};
}

std::optional<std::uint64_t> ParseSizeLine(std::string_view line, std::string_view what) {
  const std::size_t at = line.find(absl::StrCat(what, " size"));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(at + what.size() + std::string_view(" size").size());
  rest = absl::StripLeadingAsciiWhitespace(rest);
  if (!absl::ConsumePrefix(&rest, "=")) return std::nullopt;
  const std::size_t unit = rest.find("MiB");
  double mebibytes = 0;
  if (unit == std::string_view::npos ||
      !absl::SimpleAtod(absl::StripAsciiWhitespace(rest.substr(0, unit)), &mebibytes) ||
      !(mebibytes >= 0)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(mebibytes * (1 << 20));
}

}  // namespace chasqui::quantize
