// SPDX-License-Identifier: Apache-2.0
#include "common/config/problems.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chasqui::config {

void Problems::Add(std::string_view where, std::string_view what) {
  AddLine(absl::StrCat(where, ": ", what));
}

void Problems::AddLine(std::string line) {
  if (lines_.size() == kMost) {
    ++left_out_;
    return;
  }
  lines_.push_back(std::move(line));
}

std::vector<std::string> Problems::Take() && {
  if (left_out_ > 0) lines_.push_back(absl::StrCat("and ", left_out_, " more"));
  return std::move(lines_);
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMostBytes = 60;
  const bool cut = text.size() > kMostBytes;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text.substr(0, kMostBytes)),
                      cut ? "\"..." : "\"");
}

}  // namespace chasqui::config
