// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/time/clock.h"

namespace chasqui::concurrency {

// A first-in-first-out queue between threads that holds at most `capacity` items: what does not fit
// is refused or waits, and is never lost silently. Closing lets the consumers drain what is left.
// Thread-safe. Between coroutines of one loop use rpc::AsyncQueue instead.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False, with `item` untouched, when the queue is full or closed.
  [[nodiscard]] bool TryPush(T&& item) {
    absl::MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  // Blocks while the queue is full. False, with `item` untouched, when it is closed.
  [[nodiscard]] bool Push(T&& item) {
    absl::MutexLock lock(mutex_);
    mutex_.Await(absl::Condition(this, &BoundedQueue::CanPush));
    if (closed_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  // Blocks while the queue is empty; nothing once it is closed and empty.
  std::optional<T> Pop() {
    absl::MutexLock lock(mutex_);
    mutex_.Await(absl::Condition(this, &BoundedQueue::CanPop));
    return TakeFront();
  }

  // Blocks at most for `timeout`; nothing when it passed or the queue is closed and empty.
  std::optional<T> PopFor(time::Duration timeout) {
    absl::MutexLock lock(mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &BoundedQueue::CanPop),
                            absl::FromChrono(timeout));
    return TakeFront();
  }

  // Everything there is now, oldest first; does not block.
  std::deque<T> TakeAll() {
    absl::MutexLock lock(mutex_);
    return std::exchange(items_, {});
  }

  // Blocks until there is an item or the queue is closed, at most for `timeout`; whether there is
  // an item. For a consumer that then calls TakeAll().
  bool WaitFor(time::Duration timeout) {
    absl::MutexLock lock(mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &BoundedQueue::CanPop),
                            absl::FromChrono(timeout));
    return !items_.empty();
  }

  // Refuses further items and wakes everybody who waits. Idempotent.
  void Close() {
    absl::MutexLock lock(mutex_);
    closed_ = true;
  }

  bool closed() const {
    absl::MutexLock lock(mutex_);
    return closed_;
  }

  size_t size() const {
    absl::MutexLock lock(mutex_);
    return items_.size();
  }

  size_t capacity() const { return capacity_; }

 private:
  bool CanPush() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || items_.size() < capacity_;
  }
  bool CanPop() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !items_.empty(); }

  std::optional<T> TakeFront() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  const size_t capacity_;
  mutable absl::Mutex mutex_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chasqui::concurrency
