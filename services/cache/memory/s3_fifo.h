// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "services/cache/answer/answer_key.h"

namespace chasqui::cache {

// Whether an entry is dear for its size: its cost for each byte is above the average of those that
// came lately. Pure.
inline bool IsDear(double cost, std::size_t bytes, double average_cost_per_byte) {
  return cost > average_cost_per_byte * static_cast<double>(bytes);
}

// A cache bounded in bytes by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need
// for cache eviction", SOSP 2023). New entries go to a small queue of a tenth of the bytes; what
// was used more than once there goes on to the main queue, its uses forgotten; the rest leaves and
// only its hash is remembered for a while, in the ghost queue: who comes back while it is there
// goes to the main queue at once. In the main queue what was used goes round once more for each
// use, of which at most three count.
//
// Beside the paper, which knows only entries of one size that are never written again: the queues
// have their parts in bytes, and what is put in again keeps its queue and its uses. And where
// `weigh_cost` is set: what would leave but is dear for its size goes round once more first, in its
// own queue; a use earns that again. Eviction thus weighs recency, frequency, size and cost. Knows
// no clock. Thread-compatible.
template <typename Value>
class S3Fifo {
 public:
  S3Fifo(std::size_t max_bytes, bool weigh_cost) : max_bytes_(max_bytes), weigh_cost_(weigh_cost) {}
  S3Fifo(const S3Fifo&) = delete;
  S3Fifo& operator=(const S3Fifo&) = delete;

  // The value, which counts as a use; null when there is none. Holds until the next change.
  Value* Find(const AnswerKey& key) {
    const auto it = places_.find(key);
    if (it == places_.end()) return nullptr;
    Node& node = *it->second;
    if (node.uses < kMostUses) ++node.uses;
    node.spared = false;
    return &node.value;
  }

  // Whether there is one; not a use.
  bool Contains(const AnswerKey& key) const { return places_.contains(key); }

  // Puts a value in, in place of one that was there; false when it is larger than everything.
  bool Insert(const AnswerKey& key, Value value, std::size_t bytes, double cost) {
    Queue* queue = nullptr;
    int uses = 0;
    if (const auto it = places_.find(key); it != places_.end()) {
      queue = it->second->queue;
      uses = it->second->uses;
      Drop(it->second);
    }
    if (bytes > max_bytes_) return false;
    while (bytes_ + bytes > max_bytes_) Evict();
    if (queue == nullptr) queue = ghosts_.erase(key.hash()) > 0 ? &main_ : &small_;
    Learn(cost / static_cast<double>(std::max<std::size_t>(bytes, 1)));
    queue->nodes.push_front({.key = key,
                             .value = std::move(value),
                             .bytes = bytes,
                             .cost = cost,
                             .queue = queue,
                             .uses = uses});
    queue->bytes += bytes;
    bytes_ += bytes;
    places_[key] = queue->nodes.begin();
    return true;
  }

  // False when it was not there.
  bool Erase(const AnswerKey& key) {
    const auto it = places_.find(key);
    if (it == places_.end()) return false;
    Drop(it->second);
    return true;
  }

  void Clear() {
    places_.clear();
    for (Queue* queue : {&small_, &main_}) *queue = Queue();
    ghost_order_.clear();
    ghosts_.clear();
    bytes_ = 0;
  }

  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return places_.size(); }
  std::uint64_t evictions() const { return evictions_; }

 private:
  static constexpr int kMostUses = 3;
  static constexpr std::size_t kSmallPart = 10;
  static constexpr std::size_t kLeastGhosts = 16;
  static constexpr double kWeightOfNew = 1.0 / 256;

  struct Queue;
  struct Node {
    AnswerKey key;
    Value value;
    std::size_t bytes;
    double cost;
    Queue* queue;
    int uses = 0;
    bool spared = false;  // it went round for its cost, and was not used since
  };
  using Nodes = std::list<Node>;
  // Newest first.
  struct Queue {
    Nodes nodes;
    std::size_t bytes = 0;
  };

  void Learn(double cost_per_byte) {
    average_ += (cost_per_byte - average_) * (average_ == 0 ? 1 : kWeightOfNew);
  }

  // Makes some room; there is an entry.
  void Evict() {
    if (!small_.nodes.empty() && (main_.nodes.empty() || small_.bytes * kSmallPart >= max_bytes_)) {
      EvictFromSmall();
    } else {
      EvictFromMain();
    }
  }

  void EvictFromSmall() {
    while (!small_.nodes.empty()) {
      const auto last = std::prev(small_.nodes.end());
      if (last->uses > 1) {
        last->uses = 0;
        MoveTo(main_, last);
        while (main_.bytes > max_bytes_ - max_bytes_ / kSmallPart) EvictFromMain();
      } else if (IsSpared(*last)) {
        MoveTo(small_, last);
      } else {
        Remember(last->key.hash());
        return Leave(last);
      }
    }
  }

  void EvictFromMain() {
    for (;;) {
      const auto last = std::prev(main_.nodes.end());
      if (last->uses > 0) {
        --last->uses;
      } else if (!IsSpared(*last)) {
        return Leave(last);
      }
      MoveTo(main_, last);
    }
  }

  bool IsSpared(Node& node) {
    if (!weigh_cost_ || node.spared || !IsDear(node.cost, node.bytes, average_)) return false;
    return node.spared = true;
  }

  void MoveTo(Queue& to, Nodes::iterator node) {
    node->queue->bytes -= node->bytes;
    to.bytes += node->bytes;
    to.nodes.splice(to.nodes.begin(), node->queue->nodes, node);
    node->queue = &to;
  }

  void Leave(Nodes::iterator node) {
    ++evictions_;
    Drop(node);
  }

  void Drop(Nodes::iterator node) {
    places_.erase(node->key);
    bytes_ -= node->bytes;
    node->queue->bytes -= node->bytes;
    node->queue->nodes.erase(node);
  }

  // As many as there are in the main queue. What came back, or left once more since, is still in
  // the order and takes a place, but is not forgotten before its time.
  void Remember(std::uint64_t hash) {
    ghosts_[hash] = ++left_;
    ghost_order_.emplace_back(hash, left_);
    while (ghost_order_.size() > std::max(main_.nodes.size(), kLeastGhosts)) {
      const auto [oldest, when] = ghost_order_.front();
      const auto it = ghosts_.find(oldest);
      if (it != ghosts_.end() && it->second == when) ghosts_.erase(it);
      ghost_order_.pop_front();
    }
  }

  const std::size_t max_bytes_;
  const bool weigh_cost_;
  Queue small_;
  Queue main_;
  std::size_t bytes_ = 0;
  std::uint64_t evictions_ = 0;
  double average_ = 0;  // cost of a byte
  absl::flat_hash_map<AnswerKey, typename Nodes::iterator> places_;
  // When, counted in those that left, each left: the order, oldest first, and by hash.
  std::uint64_t left_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> ghost_order_;
  absl::flat_hash_map<std::uint64_t, std::uint64_t> ghosts_;
};

}  // namespace chasqui::cache
