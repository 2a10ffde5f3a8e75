// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/timer_queue.h"

namespace chasqui::rpc {

void TimerQueue::Add(TimerNode& node, time::SteadyTime when) {
  node.when_ = when;
  heap_.push_back(&node);
  SiftUp(&node, heap_.size() - 1);
}

void TimerQueue::Remove(TimerNode& node) {
  if (!node.queued()) return;
  const size_t hole = node.index_;
  node.index_ = TimerNode::kNotQueued;
  TimerNode* last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  if (hole > 0 && last->when_ < heap_[(hole - 1) / 2]->when_) {
    SiftUp(last, hole);
  } else {
    SiftDown(last, hole);
  }
}

TimerNode* TimerQueue::TakeDue(time::SteadyTime now) {
  if (heap_.empty() || heap_.front()->when_ > now) return nullptr;
  TimerNode* node = heap_.front();
  Remove(*node);
  return node;
}

void TimerQueue::Place(TimerNode* node, size_t index) {
  heap_[index] = node;
  node->index_ = index;
}

void TimerQueue::SiftUp(TimerNode* node, size_t index) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->when_ <= node->when_) break;
    Place(heap_[parent], index);
    index = parent;
  }
  Place(node, index);
}

void TimerQueue::SiftDown(TimerNode* node, size_t index) {
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) ++child;
    if (node->when_ <= heap_[child]->when_) break;
    Place(heap_[child], index);
    index = child;
  }
  Place(node, index);
}

}  // namespace chasqui::rpc
