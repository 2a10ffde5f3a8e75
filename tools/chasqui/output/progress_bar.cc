// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/progress_bar.h"

#include <algorithm>
#include <ostream>

#include <ftxui/dom/elements.hpp>
#include <ftxui/screen/screen.hpp>
#include <ftxui/screen/terminal.hpp>
#include <unistd.h>

#include "absl/strings/str_format.h"

namespace chasqui::cli {

ProgressBar::Style ProgressBar::StyleFor(bool json) {
  if (json) return Style::kNone;
  return isatty(STDERR_FILENO) != 0 ? Style::kBar : Style::kLines;
}

void ProgressBar::Show(std::string_view stage, double fraction, std::string_view detail) {
  if (style_ == Style::kNone) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const int steps = style_ == Style::kBar ? 100 : 10;
  const int now = static_cast<int>(fraction * steps);
  const bool detail_counts = style_ == Style::kBar;
  if (stage == stage_ && now == shown_ && (!detail_counts || detail == detail_)) return;
  stage_ = stage;
  shown_ = now;
  detail_ = detail;
  if (style_ == Style::kBar) {
    ShowBar(stage, fraction, detail);
  } else {
    out_ << absl::StrFormat("%s %d%%", stage, now * 10) << std::endl;
  }
}

void ProgressBar::ShowBar(std::string_view stage, double fraction, std::string_view detail) {
  constexpr int kStageWidth = 12;
  constexpr int kDetailWidth = 28;
  ftxui::Element bar = ftxui::hbox({
      ftxui::text(absl::StrFormat("%-*s ", kStageWidth, stage)),
      ftxui::gauge(static_cast<float>(fraction)) | ftxui::flex,
      ftxui::text(absl::StrFormat(" %3.0f%% ", 100 * fraction)),
      ftxui::text(std::string(detail)) | ftxui::size(ftxui::WIDTH, ftxui::EQUAL, kDetailWidth),
  });
  ftxui::Screen screen(std::min(ftxui::Terminal::Size().dimx, 100), 1);
  ftxui::Render(screen, bar);
  out_ << back_ << screen.ToString() << std::flush;
  back_ = screen.ResetPosition(/*clear=*/true);
}

void ProgressBar::Done() {
  if (style_ == Style::kBar && !back_.empty()) out_ << std::endl;
  back_.clear();
  stage_.clear();
  shown_ = -1;
}

}  // namespace chasqui::cli
