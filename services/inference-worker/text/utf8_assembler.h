// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace chasqui::worker {

// Makes valid UTF-8 of bytes that come in pieces: a character split over pieces is held until it is
// whole, and each maximal part of an ill-formed sequence becomes one U+FFFD, as the Unicode
// standard (3.9, "U+FFFD Substitution of Maximal Subparts") recommends. Thread-compatible.
class Utf8Assembler {
 public:
  // Takes `bytes` and appends what is whole to `text`.
  void Append(std::string_view bytes, std::string& text);

  // No more bytes come: appends U+FFFD for an unfinished character.
  void Finish(std::string& text);

 private:
  void Take(unsigned char byte, std::string& text);

  std::string held_;        // the beginning of a character
  int missing_ = 0;         // bytes until it is whole
  unsigned char low_ = 0;   // least value its next byte may have
  unsigned char high_ = 0;  // greatest
};

}  // namespace chasqui::worker
