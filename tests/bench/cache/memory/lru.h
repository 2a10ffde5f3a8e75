// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "services/cache/answer/answer_key.h"

namespace chasqui::bench {

// What S3Fifo is compared with: least recently used first, bounded in bytes. Thread-compatible.
template <typename Value>
class Lru {
 public:
  explicit Lru(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  Value* Find(const cache::AnswerKey& key) {
    const auto it = places_.find(key);
    if (it == places_.end()) return nullptr;
    nodes_.splice(nodes_.begin(), nodes_, it->second);
    return &it->second->value;
  }

  void Insert(const cache::AnswerKey& key, Value value, std::size_t bytes) {
    if (const auto it = places_.find(key); it != places_.end()) Drop(it->second);
    if (bytes > max_bytes_) return;
    while (bytes_ + bytes > max_bytes_) Drop(std::prev(nodes_.end()));
    nodes_.push_front({.key = key, .value = std::move(value), .bytes = bytes});
    places_[key] = nodes_.begin();
    bytes_ += bytes;
  }

 private:
  struct Node {
    cache::AnswerKey key;
    Value value;
    std::size_t bytes;
  };
  using Nodes = std::list<Node>;

  void Drop(typename Nodes::iterator node) {
    bytes_ -= node->bytes;
    places_.erase(node->key);
    nodes_.erase(node);
  }

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Nodes nodes_;  // last used first
  absl::flat_hash_map<cache::AnswerKey, typename Nodes::iterator> places_;
};

}  // namespace chasqui::bench
