// SPDX-License-Identifier: Apache-2.0
#include "common/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace chasqui::config {
namespace {

// Longer names are not worth the quadratic comparison.
constexpr std::size_t kMostBytes = 80;

std::string Folded(std::string_view name) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(name, {{"-", "_"}}));
}

// Levenshtein's distance, one row of the table at a time.
std::size_t Edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> Nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates) {
  if (typed.size() > kMostBytes) return std::nullopt;
  const std::string folded = Folded(typed);
  std::optional<std::string> nearest;
  std::size_t fewest = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = Edits(folded, Folded(candidate));
    // As many edits as there are letters is no likeness at all.
    if (edits >= fewest || edits >= candidate.size()) continue;
    fewest = edits;
    nearest = candidate;
  }
  return nearest;
}

std::string DidYouMean(std::string_view typed, const std::vector<std::string>& candidates) {
  const std::optional<std::string> nearest = Nearest(typed, candidates);
  return nearest ? absl::StrCat(" (did you mean \"", *nearest, "\"?)") : "";
}

}  // namespace chasqui::config
