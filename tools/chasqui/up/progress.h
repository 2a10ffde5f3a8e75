// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "tools/chasqui/output/refresh.h"

namespace chasqui::cli {

// How far each process of a suite is: a picture that refreshes on a terminal, else a line for each
// change. Confined to one thread; `out` outlives it.
class Progress {
 public:
  Progress(std::ostream& out, bool terminal);

  // Shows the processes' states: "starting", "healthy", "joined".
  void Show(const std::map<std::string, std::string>& states);

  // Ends the picture: what is written next stands below it.
  void Done();

 private:
  std::ostream& out_;
  const bool terminal_;
  Refresh screen_;
  std::map<std::string, std::string> shown_;
  std::size_t frame_ = 0;
};

}  // namespace chasqui::cli
