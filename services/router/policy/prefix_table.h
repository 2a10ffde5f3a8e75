// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"

namespace chasqui::router {

// Which workers took which beginnings of prompts. Its memory is bounded and taken at once: sets of
// eight entries, as in a processor's cache; what comes takes the place of the entry of its set that
// was used the longest ago. Thread-compatible.
class PrefixTable {
 public:
  // Workers remembered for one beginning; one more takes the place of the oldest.
  static constexpr std::size_t kMaxHolders = 4;
  using Holders = absl::InlinedVector<std::uint64_t, kMaxHolders>;

  // `entries` is rounded up to a multiple of eight.
  explicit PrefixTable(std::size_t entries);

  // The workers, by their join order, that took the beginning with the hash.
  Holders Find(std::uint64_t hash) const;
  void Add(std::uint64_t hash, std::uint64_t worker);

  // Entries in use, and as many as there can be.
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return sets_.size() * kWays; }

 private:
  static constexpr std::size_t kWays = 8;
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t worker = 0;
    std::uint64_t used = 0;  // number of the Add; 0: free
  };
  using Set = std::array<Entry, kWays>;

  std::size_t SetOf(std::uint64_t hash) const;

  std::vector<Set> sets_;
  std::uint64_t adds_ = 0;
  std::size_t size_ = 0;
};

}  // namespace chasqui::router
