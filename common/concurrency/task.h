// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

namespace chasqui::concurrency {

template <typename T>
class Task;

namespace internal {

// What the promises of all tasks share. A task that ends without ever suspending gives its result
// to whoever awaits it by a plain return, so that a loop over such tasks does not grow the stack,
// whatever the compiler makes of symmetric transfer.
class TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  auto final_suspend() noexcept {
    struct Transfer {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept { return next; }
      void await_resume() noexcept {}
      std::coroutine_handle<> next;
    };
    return Transfer{continuation_};
  }

  // Functions of this project do not throw: what gets here is a defect, and no call may outlive it.
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  // Set once the awaiting coroutine is really suspended: until then it looks for itself.
  void set_continuation(std::coroutine_handle<> continuation) { continuation_ = continuation; }

 private:
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
};

template <typename T>
class TaskPromise final : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;

  template <typename U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }

  T TakeResult() { return *std::move(value_); }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void TakeResult() noexcept {}
};

}  // namespace internal

// A coroutine that starts when it is awaited, is awaited once, and gives a T.
//
//   Task<int> Add(Loop& loop) { co_await loop.SleepFor(1s); co_return 3; }
//   int three = co_await Add(loop);
//
// The Task owns the coroutine's frame; a task that has begun is destroyed only when it is done or
// when its loop is torn down. A coroutine's parameters should be values, or references to what
// outlives it; a lambda coroutine must not outlive its captures. An exception that leaves the
// coroutine ends the process. Confined to one thread from the moment it is awaited.
template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;

  Task() = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  explicit operator bool() const { return static_cast<bool>(frame_); }

  auto operator co_await() && noexcept {
    struct Awaiter {
      bool await_ready() noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        frame.resume();
        if (frame.done()) return false;
        frame.promise().set_continuation(awaiting);
        return true;
      }
      T await_resume() { return frame.promise().TakeResult(); }
      std::coroutine_handle<promise_type> frame;
    };
    return Awaiter{frame_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

namespace internal {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace internal
}  // namespace chasqui::concurrency
