// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/task.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace chasqui::concurrency {
namespace {

// Drives a task that never suspends on anything but other tasks.
template <typename T>
class Runner {
 public:
  struct promise_type {
    Runner get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  static Runner Into(Task<T> task, T& out) { out = co_await std::move(task); }
};

template <typename T>
T RunNow(Task<T> task) {
  T out{};
  Runner<T>::Into(std::move(task), out);
  return out;
}

Task<int> Value(int value) { co_return value; }

TEST(Task, DoesNothingUntilAwaited) {
  bool ran = false;
  auto make = [](bool& flag) -> Task<int> {
    flag = true;
    co_return 7;
  };

  Task<int> task = make(ran);
  EXPECT_FALSE(ran);

  EXPECT_EQ(RunNow(std::move(task)), 7);
  EXPECT_TRUE(ran);
}

TEST(Task, GivesValuesThatOnlyMove) {
  auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };

  EXPECT_EQ(*RunNow(make()), 3);
}

TEST(Task, AwaitingManyTasksDoesNotGrowTheStack) {
  auto sum = [](int count) -> Task<int> {
    int total = 0;
    for (int i = 0; i < count; ++i) total += co_await Value(1);
    co_return total;
  };

  EXPECT_EQ(RunNow(sum(1'000'000)), 1'000'000);
}

TEST(Task, DestroyingATaskThatNeverRanFreesItsParameters) {
  auto held = std::make_shared<int>(1);
  auto make = [](std::shared_ptr<int> value) -> Task<int> { co_return *value; };

  {
    Task<int> task = make(held);
    EXPECT_EQ(held.use_count(), 2);
  }

  EXPECT_EQ(held.use_count(), 1);
}

TEST(Task, MovingLeavesNothingBehind) {
  Task<int> first = Value(1);
  Task<int> second = std::move(first);

  EXPECT_FALSE(static_cast<bool>(first));
  EXPECT_EQ(RunNow(std::move(second)), 1);
}

}  // namespace
}  // namespace chasqui::concurrency
