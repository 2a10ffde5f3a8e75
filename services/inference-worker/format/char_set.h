// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chasqui::worker {

// A set of Unicode characters, as ranges in order that neither overlap nor touch. U+0000 is never a
// member, for a grammar of libllama cannot say it, and surrogates are no characters.
// Thread-compatible.
class CharSet {
 public:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // a member, too
    bool operator==(const Range&) const = default;
  };

  CharSet() = default;
  explicit CharSet(std::vector<Range> ranges);

  static CharSet All();
  static CharSet One(std::uint32_t c) { return CharSet({{c, c}}); }

  CharSet Union(const CharSet& other) const;
  CharSet Complement() const;
  CharSet Intersection(const CharSet& other) const;

  bool empty() const { return ranges_.empty(); }
  bool Contains(std::uint32_t c) const;
  const std::vector<Range>& ranges() const { return ranges_; }

  // As GBNF: "[a-z]". The set must not be empty.
  std::string ToGbnf() const;

  bool operator==(const CharSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace chasqui::worker
