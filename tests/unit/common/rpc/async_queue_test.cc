// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/async_queue.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_on.h"

namespace chasqui::rpc {
namespace {

using ::testing::ElementsAre;
using testing::RunOn;

Task<void> PushAll(AsyncQueue<int>& queue, int count) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(co_await queue.Push(i));
  queue.Close();
}

TEST(AsyncQueue, GivesEveryItemInOrderThroughASmallQueue) {
  Loop loop("loop");

  const auto items = RunOn(loop, [&]() -> Task<std::vector<int>> {
    AsyncQueue<int> queue(2);
    loop.Spawn(PushAll(queue, 100));
    std::vector<int> out;
    while (auto item = co_await queue.Pop()) {
      EXPECT_LE(queue.size(), 2u);
      out.push_back(*item);
    }
    co_return out;
  });

  ASSERT_EQ(items.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(items[static_cast<size_t>(i)], i);
}

TEST(AsyncQueue, HandsAnItemToWhoWaits) {
  Loop loop("loop");

  const auto item = RunOn(loop, [&]() -> Task<std::optional<int>> {
    AsyncQueue<int> queue(1);
    loop.Post([&] { EXPECT_TRUE(queue.TryPush(5)); });
    co_return co_await queue.Pop();
  });

  EXPECT_EQ(item, 5);
}

TEST(AsyncQueue, RefusesWhatDoesNotFit) {
  Loop loop("loop");

  RunOn(loop, []() -> Task<void> {
    AsyncQueue<int> queue(1);
    EXPECT_TRUE(queue.TryPush(1));
    EXPECT_FALSE(queue.TryPush(2));
    EXPECT_EQ(queue.TryPop(), 1);
    EXPECT_EQ(queue.TryPop(), std::nullopt);
    co_return;
  });
}

TEST(AsyncQueue, ClosingWakesWhoWaits) {
  Loop loop("loop");

  RunOn(loop, [&]() -> Task<void> {
    AsyncQueue<int> full(1);
    AsyncQueue<int> empty(1);
    EXPECT_TRUE(full.TryPush(1));
    loop.Post([&] {
      full.Close();
      empty.Close();
    });
    EXPECT_FALSE(co_await full.Push(2));
    EXPECT_EQ(co_await empty.Pop(), std::nullopt);
    EXPECT_EQ(co_await full.Pop(), 1) << "what is left can be popped";
    EXPECT_EQ(co_await full.Pop(), std::nullopt);
  });
}

}  // namespace
}  // namespace chasqui::rpc
