// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chasqui::worker {

// Finds the first of several stop strings in bytes that come in pieces, and holds back what may be
// the beginning of one. The string that is complete first matches; of two that are complete with
// the same byte, the longer. The result does not depend on how the bytes are cut into pieces. One
// Knuth-Morris-Pratt automaton a string: the cost of a byte does not grow with their lengths.
// Thread-compatible.
class StopMatcher {
 public:
  // `stops` must not hold empty strings.
  explicit StopMatcher(const std::vector<std::string>& stops);

  // Takes `bytes` and appends to `released` those that cannot be part of a stop string any more.
  // When a stop string is complete its index is returned and the bytes before it are released; the
  // rest is dropped, and Push must not be called again.
  std::optional<std::size_t> Push(std::string_view bytes, std::string& released);

  // No more bytes come: appends what was held back.
  void Finish(std::string& released);

 private:
  struct Automaton {
    std::string pattern;
    // borders[i]: length of the longest proper prefix of pattern[0, i] that is its suffix, too.
    std::vector<std::size_t> borders;
    std::size_t matched = 0;  // length of the longest prefix that the bytes so far end in
  };

  static void Advance(Automaton& automaton, char byte);

  std::vector<Automaton> automata_;
  std::string held_;
};

}  // namespace chasqui::worker
