// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/progress.h"

#include <array>
#include <ostream>
#include <string_view>

#include "absl/strings/str_format.h"

namespace chasqui::cli {
namespace {

constexpr std::array<std::string_view, 4> kSpinner = {"|", "/", "-", "\\"};

}  // namespace

Progress::Progress(std::ostream& out, bool terminal)
    : out_(out), terminal_(terminal), screen_(out) {}

void Progress::Show(const std::map<std::string, std::string>& states) {
  if (!terminal_) {
    for (const auto& [name, state] : states) {
      if (shown_[name] != state) out_ << absl::StrFormat("%-10s %s", name, state) << std::endl;
    }
    shown_ = states;
    return;
  }
  std::string picture;
  ++frame_;
  for (const auto& [name, state] : states) {
    const std::string_view mark =
        state == "starting" ? kSpinner[frame_ % kSpinner.size()] : std::string_view("*");
    absl::StrAppendFormat(&picture, "%s %-10s %s\n", mark, name, state);
  }
  picture.pop_back();
  screen_.Show(picture);
  shown_ = states;
}

void Progress::Done() {
  if (terminal_ && !shown_.empty()) out_ << std::endl;
  shown_.clear();
}

}  // namespace chasqui::cli
