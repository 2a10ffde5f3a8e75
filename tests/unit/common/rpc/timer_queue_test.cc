// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/timer_queue.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::rpc {
namespace {

using ::testing::ElementsAre;

time::SteadyTime At(int ms) { return time::SteadyTime(std::chrono::milliseconds(ms)); }

struct Node final : TimerNode {
  explicit Node(int number) : id(number) {}
  void OnTimer() override {}
  int id;
};

std::vector<int> TakeAllDue(TimerQueue& queue, time::SteadyTime now) {
  std::vector<int> ids;
  while (TimerNode* node = queue.TakeDue(now)) ids.push_back(static_cast<Node*>(node)->id);
  return ids;
}

TEST(TimerQueue, GivesTheSoonestFirst) {
  TimerQueue queue;
  Node a(1), b(2), c(3);
  queue.Add(a, At(30));
  queue.Add(b, At(10));
  queue.Add(c, At(20));

  EXPECT_EQ(queue.next(), At(10));
  EXPECT_THAT(TakeAllDue(queue, At(20)), ElementsAre(2, 3));
  EXPECT_THAT(TakeAllDue(queue, At(29)), ElementsAre());
  EXPECT_THAT(TakeAllDue(queue, At(30)), ElementsAre(1));
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueue, ForgetsWhatIsRemoved) {
  TimerQueue queue;
  Node a(1), b(2);
  queue.Add(a, At(1));
  queue.Add(b, At(2));

  queue.Remove(a);
  queue.Remove(a);

  EXPECT_FALSE(a.queued());
  EXPECT_THAT(TakeAllDue(queue, At(5)), ElementsAre(2));
}

TEST(TimerQueue, KeepsOrderUnderRandomAddsAndRemoves) {
  std::mt19937 random(42);
  TimerQueue queue;
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 1000; ++i) {
    const int when = static_cast<int>(random() % 500);
    nodes.push_back(std::make_unique<Node>(when));
    queue.Add(*nodes.back(), At(when));
  }
  std::vector<int> left;
  for (auto& node : nodes) {
    if (random() % 3 == 0) {
      queue.Remove(*node);
    } else {
      left.push_back(node->id);
    }
  }
  std::ranges::sort(left);

  EXPECT_EQ(TakeAllDue(queue, At(500)), left);
}

}  // namespace
}  // namespace chasqui::rpc
