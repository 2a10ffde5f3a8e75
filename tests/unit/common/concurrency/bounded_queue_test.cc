// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/bounded_queue.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"

namespace chasqui::concurrency {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(BoundedQueue, RefusesWhatDoesNotFitAndLeavesItAlone) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto second = std::make_unique<int>(2);

  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  EXPECT_FALSE(queue.TryPush(std::move(second)));

  EXPECT_NE(second, nullptr);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, GivesItemsInOrder) {
  BoundedQueue<int> queue(3);
  for (int i : {1, 2, 3}) ASSERT_TRUE(queue.TryPush(std::move(i)));

  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_THAT(queue.TakeAll(), ElementsAre(2, 3));
}

TEST(BoundedQueue, LetsTheRestBePoppedAfterClosing) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.TryPush(1));
  queue.Close();

  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueue, WakesTheConsumerWhenClosed) {
  BoundedQueue<int> queue(1);
  NamedThread closer("closer", [&](std::stop_token) { queue.Close(); });

  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueue, HoldsTheProducerUpWhileFull) {
  BoundedQueue<int> queue(2);
  NamedThread producer("producer", [&](std::stop_token) {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queue.Push(std::move(i)));
    queue.Close();
  });

  int expected = 0;
  while (auto item = queue.Pop()) {
    EXPECT_EQ(*item, expected++);
    EXPECT_LE(queue.size(), 2u);
  }
  EXPECT_EQ(expected, 1000);
}

TEST(BoundedQueue, GivesUpWaitingAtTheTimeout) {
  BoundedQueue<int> queue(1);

  EXPECT_EQ(queue.PopFor(1ms), std::nullopt);
  EXPECT_FALSE(queue.WaitFor(1ms));
}

}  // namespace
}  // namespace chasqui::concurrency
