// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace chasqui::cli {

// Rows under a heading, columns aligned: numbers to the right, the rest to the left.
// Thread-compatible.
class Table {
 public:
  explicit Table(std::vector<std::string> heading);

  // `cells` has as many as the heading.
  void Add(std::vector<std::string> cells);

  // Lines that end in a line break; without rows only the heading.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the heading
};

// "3.8 MiB"; exact below 1 KiB.
std::string BytesText(double bytes);

// "1.2k", "3.7M": counts for people.
std::string CountText(double count);

}  // namespace chasqui::cli
