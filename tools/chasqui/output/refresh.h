// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace chasqui::cli {

// Text on a terminal that is shown again in place of what it was. Confined to one thread; `out`
// outlives it and nobody else writes to it meanwhile.
class Refresh {
 public:
  explicit Refresh(std::ostream& out) : out_(out) {}

  // Shows `text`, cut to the width and height of the terminal.
  void Show(std::string_view text);

 private:
  std::ostream& out_;
  std::string back_;  // what moves the cursor back over the last text
};

}  // namespace chasqui::cli
