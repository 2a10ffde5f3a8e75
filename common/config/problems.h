// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace chasqui::config {

// Everything that is wrong with a configuration, one line each, in the order found. At most kMost
// lines are kept, so that a hostile file cannot fill the terminal. Thread-compatible.
class Problems {
 public:
  static constexpr std::size_t kMost = 50;

  // Adds "`where`: `what`".
  void Add(std::string_view where, std::string_view what);
  // Adds a whole line.
  void AddLine(std::string line);

  bool empty() const { return lines_.empty(); }

  // The lines; the last says how many more there were, if any were left out.
  std::vector<std::string> Take() &&;

 private:
  std::vector<std::string> lines_;
  std::size_t left_out_ = 0;
};

// `text` as it may stand in a problem: quoted, escaped and cut after 60 bytes.
std::string Quoted(std::string_view text);

}  // namespace chasqui::config
