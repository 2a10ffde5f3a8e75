// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "services/inference-worker/format/char_set.h"

namespace chasqui::worker {

// A regular language as a tree. A value.
struct Pattern {
  enum class Kind {
    kChars,         // one character of `chars`
    kSequence,      // all `parts`, one after the other; none: the empty text
    kAlternatives,  // one of `parts`
    kRepeat,        // parts[0], `min` to `max` times
  };

  Kind kind = Kind::kSequence;
  CharSet chars;
  std::vector<Pattern> parts;
  int min = 0;
  std::optional<int> max = std::nullopt;  // unset: any number of times

  static Pattern Chars(CharSet chars) { return {.kind = Kind::kChars, .chars = std::move(chars)}; }
  static Pattern Sequence(std::vector<Pattern> parts) {
    return {.kind = Kind::kSequence, .parts = std::move(parts)};
  }
  static Pattern Alternatives(std::vector<Pattern> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    return {.kind = Kind::kAlternatives, .parts = std::move(parts)};
  }
  static Pattern Repeat(Pattern part, int min, std::optional<int> max) {
    Pattern repeat{.kind = Kind::kRepeat, .min = min, .max = max};
    repeat.parts.push_back(std::move(part));
    return repeat;
  }

  // Whether the empty text matches.
  bool Nullable() const {
    switch (kind) {
      case Kind::kChars:
        return false;
      case Kind::kSequence:
        for (const Pattern& part : parts) {
          if (!part.Nullable()) return false;
        }
        return true;
      case Kind::kAlternatives:
        for (const Pattern& part : parts) {
          if (part.Nullable()) return true;
        }
        return false;
      case Kind::kRepeat:
        return min == 0 || parts.front().Nullable();
    }
    return false;
  }
};

}  // namespace chasqui::worker
