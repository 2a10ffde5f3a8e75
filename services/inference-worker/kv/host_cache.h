// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace chasqui::worker {

// Computed prefixes that had to leave the KV cache, in host memory: bounded in bytes, what was used
// the longest ago leaves first. Thread-compatible.
class HostCache {
 public:
  struct Entry {
    std::uint32_t name = 0;
    std::vector<std::int32_t> tokens;  // what PrefixTree knows it by
    std::vector<std::uint8_t> state;
  };

  // `on_evict` is told the name of each entry that leaves to make room.
  HostCache(std::uint64_t max_bytes, std::function<void(std::uint32_t name)> on_evict)
      : max_bytes_(max_bytes), on_evict_(std::move(on_evict)) {}

  // Whether something of this size could be kept at all.
  bool Fits(std::uint64_t bytes) const { return bytes <= max_bytes_; }

  // Keeps the entry, whose name must be new, and makes room for it; it must fit.
  void Put(Entry entry);

  // Takes the entry out if it is there; `on_evict` is not told.
  void Erase(std::uint32_t name);

  // The entry, which counts as used now; nullptr when it is not there.
  const Entry* Use(std::uint32_t name);
  const Entry* Find(std::uint32_t name) const;

  std::uint64_t bytes() const { return bytes_; }
  std::size_t size() const { return by_name_.size(); }

 private:
  static std::uint64_t SizeOf(const Entry& entry) {
    return entry.state.size() + entry.tokens.size() * sizeof(entry.tokens[0]);
  }

  const std::uint64_t max_bytes_;
  const std::function<void(std::uint32_t)> on_evict_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // used last first
  absl::flat_hash_map<std::uint32_t, std::list<Entry>::iterator> by_name_;
};

}  // namespace chasqui::worker
