// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace chasqui::cli {

// How far something is: a bar that refreshes on a terminal, else a line for each stage and each
// tenth. Confined to one thread; `out` outlives it and nobody else writes to it meanwhile.
class ProgressBar {
 public:
  enum class Style { kBar, kLines, kNone };

  ProgressBar(std::ostream& out, Style style) : out_(out), style_(style) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { Done(); }

  // A bar where standard error is a terminal, lines where it is not, nothing where JSON is wanted.
  static Style StyleFor(bool json);

  // `fraction` of `stage` is done, 0 to 1; `detail` is shown beside the bar only.
  void Show(std::string_view stage, double fraction, std::string_view detail = "");

  // Ends the bar: what is written next stands below it. Idempotent.
  void Done();

 private:
  void ShowBar(std::string_view stage, double fraction, std::string_view detail);

  std::ostream& out_;
  const Style style_;
  std::string back_;  // what moves the cursor back over the last bar
  std::string stage_;
  int shown_ = -1;  // of the stage: tenths in lines, percents in bars
  std::string detail_;
};

}  // namespace chasqui::cli
