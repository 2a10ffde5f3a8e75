// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "common/time/clock.h"

namespace chasqui::rpc {

// A point in time at which something happens, once it is in a TimerQueue. Owned by whoever waits;
// must be out of the queue when destroyed.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  virtual ~TimerNode() = default;

  virtual void OnTimer() = 0;

  bool queued() const { return index_ != kNotQueued; }

 private:
  friend class TimerQueue;
  static constexpr size_t kNotQueued = static_cast<size_t>(-1);

  time::SteadyTime when_;
  size_t index_ = kNotQueued;  // where in the heap
};

// The timers of one loop, soonest first: a binary heap of nodes that know their place, so that
// removing one (most timeouts never fire) costs O(log n) and leaves nothing behind. Knows no clock.
// Thread-compatible.
class TimerQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }

  // When the soonest timer is due; there must be one.
  time::SteadyTime next() const { return heap_.front()->when_; }

  // `node` must not be in a queue.
  void Add(TimerNode& node, time::SteadyTime when);

  // Does nothing when `node` is not in the queue.
  void Remove(TimerNode& node);

  // Takes out the soonest timer if it is due at `now`; else nullptr.
  TimerNode* TakeDue(time::SteadyTime now);

 private:
  void Place(TimerNode* node, size_t index);
  void SiftUp(TimerNode* node, size_t index);
  void SiftDown(TimerNode* node, size_t index);

  std::vector<TimerNode*> heap_;
};

}  // namespace chasqui::rpc
