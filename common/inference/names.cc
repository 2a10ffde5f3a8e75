// SPDX-License-Identifier: Apache-2.0
#include "common/inference/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace chasqui::inference {

bool IsName(std::string_view text) {
  static constexpr std::string_view kMarks = "._:/-";
  return !text.empty() && text.size() <= kMostNameCharacters &&
         std::ranges::all_of(text, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kMarks.contains(c);
         });
}

}  // namespace chasqui::inference
