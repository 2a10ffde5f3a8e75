// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/refresh.h"

#include <algorithm>
#include <ostream>
#include <vector>

#include <ftxui/dom/elements.hpp>
#include <ftxui/screen/screen.hpp>
#include <ftxui/screen/terminal.hpp>

#include "absl/strings/str_split.h"

namespace chasqui::cli {

void Refresh::Show(std::string_view text) {
  std::vector<ftxui::Element> lines;
  for (const std::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(ftxui::text(std::string(line)));
  }
  ftxui::Element document = ftxui::vbox(std::move(lines));
  const auto terminal = ftxui::Terminal::Size();
  document->ComputeRequirement();
  // One line less than the terminal has, so that it never scrolls.
  ftxui::Screen screen(terminal.dimx,
                       std::min(document->requirement().min_y, std::max(terminal.dimy - 1, 1)));
  ftxui::Render(screen, document);
  out_ << back_ << screen.ToString() << std::flush;
  back_ = screen.ResetPosition(/*clear=*/true);
}

}  // namespace chasqui::cli
