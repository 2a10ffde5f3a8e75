// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "common/rpc/loop.h"

namespace chasqui::rpc {

// A first-in-first-out queue between coroutines of one loop that holds at most `capacity` items:
// who pushes into a full one waits. Closing lets what is left be popped. Confined to one loop; a
// thread hands items over with Loop::Post. Outlives those who wait on it.
template <typename T>
class AsyncQueue {
 public:
  explicit AsyncQueue(size_t capacity) : capacity_(capacity) {}
  AsyncQueue(const AsyncQueue&) = delete;
  AsyncQueue& operator=(const AsyncQueue&) = delete;

  // co_await queue.Push(item): true when it is in the queue, false when the queue is closed.
  class [[nodiscard]] Push_ {
   public:
    ~Push_() {
      if (coroutine_) std::erase(queue_.pushers_, this);
    }
    bool await_ready() { return queue_.closed_ || (pushed_ = queue_.TryPush(std::move(item_))); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      coroutine_ = coroutine;
      queue_.pushers_.push_back(this);
    }
    bool await_resume() const { return pushed_; }

   private:
    friend class AsyncQueue;
    Push_(AsyncQueue& queue, T item) : queue_(queue), item_(std::move(item)) {}

    AsyncQueue& queue_;
    T item_;
    bool pushed_ = false;
    std::coroutine_handle<> coroutine_;  // set while waiting
  };

  // co_await queue.Pop(): the oldest item, or nothing once the queue is closed and empty.
  class [[nodiscard]] Pop_ {
   public:
    ~Pop_() {
      if (coroutine_) std::erase(queue_.poppers_, this);
    }
    bool await_ready() { return (item_ = queue_.TryPop()).has_value() || queue_.closed_; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      coroutine_ = coroutine;
      queue_.poppers_.push_back(this);
    }
    std::optional<T> await_resume() { return std::move(item_); }

   private:
    friend class AsyncQueue;
    explicit Pop_(AsyncQueue& queue) : queue_(queue) {}

    AsyncQueue& queue_;
    std::optional<T> item_;
    std::coroutine_handle<> coroutine_;  // set while waiting
  };

  Push_ Push(T item) { return Push_(*this, std::move(item)); }
  Pop_ Pop() { return Pop_(*this); }

  // False, with `item` untouched, when the queue is full or closed.
  [[nodiscard]] bool TryPush(T&& item) {
    if (closed_) return false;
    if (!poppers_.empty()) {
      // Somebody waits, so the queue is empty: hand the item over.
      Pop_* popper = TakeFront(poppers_);
      popper->item_.emplace(std::move(item));
      Wake(popper->coroutine_);
      return true;
    }
    if (items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  // The oldest item if there is one.
  std::optional<T> TryPop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    if (!pushers_.empty()) {
      Push_* pusher = TakeFront(pushers_);
      items_.push_back(std::move(pusher->item_));
      pusher->pushed_ = true;
      Wake(pusher->coroutine_);
    }
    return item;
  }

  // Refuses further items, those of waiting pushers included, and wakes everybody. Idempotent.
  void Close() {
    closed_ = true;
    while (!pushers_.empty()) Wake(TakeFront(pushers_)->coroutine_);
    while (!poppers_.empty()) Wake(TakeFront(poppers_)->coroutine_);
  }

  bool closed() const { return closed_; }
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }

 private:
  template <typename Waiter>
  static Waiter* TakeFront(std::deque<Waiter*>& waiters) {
    Waiter* front = waiters.front();
    waiters.pop_front();
    return front;
  }

  static void Wake(std::coroutine_handle<>& coroutine) {
    Loop::Current()->Resume(std::exchange(coroutine, nullptr));
  }

  const size_t capacity_;
  std::deque<T> items_;
  std::deque<Push_*> pushers_;
  std::deque<Pop_*> poppers_;
  bool closed_ = false;
};

}  // namespace chasqui::rpc
