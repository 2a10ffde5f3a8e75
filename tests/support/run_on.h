// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/loop.h"

namespace chasqui::testing {

// Runs a coroutine on a loop and waits for its result, from a test's thread:
//
//   absl::Status status = RunOn(loop, [&]() -> Task<absl::Status> { ... });
//
// The function and what it captures live until the coroutine is done.
template <typename Function>
auto RunOn(rpc::Loop& loop, Function function) {
  using Result = decltype(function().operator co_await().await_resume());
  absl::Notification done;
  if constexpr (std::is_void_v<Result>) {
    EXPECT_TRUE(loop.Spawn([](Function& fn, absl::Notification& notify) -> rpc::Task<void> {
      co_await fn();
      notify.Notify();
    }(function, done)));
    done.WaitForNotification();
  } else {
    std::optional<Result> result;
    EXPECT_TRUE(loop.Spawn([](Function& fn, std::optional<Result>& out,
                              absl::Notification& notify) -> rpc::Task<void> {
      out.emplace(co_await fn());
      notify.Notify();
    }(function, result, done)));
    done.WaitForNotification();
    return *std::move(result);
  }
}

}  // namespace chasqui::testing
