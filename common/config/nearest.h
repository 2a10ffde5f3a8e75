// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chasqui::config {

// The candidate that `typed` most likely meant: fewest edits (Levenshtein) after "-" and capitals
// are set aside, at most a third of its length and at least two; none when all are further away.
std::optional<std::string> Nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates);

// " (did you mean "x"?)", or nothing.
std::string DidYouMean(std::string_view typed, const std::vector<std::string>& candidates);

}  // namespace chasqui::config
