// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "absl/log/check.h"
#include "common/rpc/loop.h"

namespace chasqui::rpc {

// A value that is set once and awaited by one coroutine. The way to wait for whichever of several
// things happens first: let each set the same shot.
//
//   OneShot<Outcome> first;
//   auto hook = call.OnCancel([&] { first.Set(Outcome::kCancelled); });
//   auto timer = loop.After(2s, [&] { first.Set(Outcome::kTimeout); });
//   switch (co_await first) ...
//
// Usually a local of the coroutine. Confined to one loop; setting resumes the waiter later in the
// same turn, never inside Set().
template <typename T>
class OneShot {
 public:
  OneShot() = default;
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  // False, and nothing happens, when it was set before.
  bool Set(T value) {
    if (value_.has_value()) return false;
    value_.emplace(std::move(value));
    if (waiter_) Loop::Current()->Resume(std::exchange(waiter_, nullptr));
    return true;
  }

  bool is_set() const { return value_.has_value(); }

  // Makes it ready to be set again; nobody may be waiting.
  void Reset() { value_.reset(); }

  // Gives the value, which stays set.
  auto operator co_await() {
    struct Awaiter {
      bool await_ready() const { return shot.is_set(); }
      void await_suspend(std::coroutine_handle<> coroutine) {
        DCHECK(!shot.waiter_) << "a second waiter";
        shot.waiter_ = coroutine;
      }
      T& await_resume() const { return *shot.value_; }
      OneShot& shot;
    };
    return Awaiter{*this};
  }

 private:
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

}  // namespace chasqui::rpc
