// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/wait_queue.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr time::SteadyTime kStart{1h};

std::shared_ptr<Ticket> Arrived(std::uint64_t arrival, time::SteadyTime since = kStart) {
  auto ticket = std::make_shared<Ticket>();
  ticket->arrival = arrival;
  ticket->waiting_since = since;
  return ticket;
}

// Takes at most `most`, in the queue's order.
std::vector<std::uint64_t> Take(WaitQueue& queue, std::size_t most) {
  std::vector<std::uint64_t> taken;
  queue.Serve(
      [&](Ticket&) {
        return taken.size() < most ? WaitQueue::Verdict::kTake : WaitQueue::Verdict::kKeepAll;
      },
      [&](std::shared_ptr<Ticket> ticket) { taken.push_back(ticket->arrival); });
  return taken;
}

TEST(WaitQueue, ServesInOrderOfArrival) {
  WaitQueue queue;
  for (const int arrival : {1, 2, 3}) queue.Add(Arrived(arrival));

  EXPECT_THAT(Take(queue, 2), ElementsAre(1, 2));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(WaitQueue, PutsWhoComesBackBeforeThoseWhoCameLater) {
  WaitQueue queue;
  queue.Add(Arrived(5));
  queue.Add(Arrived(6));

  queue.Add(Arrived(2));

  EXPECT_THAT(Take(queue, 3), ElementsAre(2, 5, 6));
}

TEST(WaitQueue, PassesOverThoseItKeeps) {
  WaitQueue queue;
  for (const int arrival : {1, 2, 3}) queue.Add(Arrived(arrival));
  std::vector<std::uint64_t> taken;

  queue.Serve(
      [](Ticket& ticket) {
        return ticket.arrival == 2 ? WaitQueue::Verdict::kTake : WaitQueue::Verdict::kKeep;
      },
      [&](std::shared_ptr<Ticket> ticket) { taken.push_back(ticket->arrival); });

  EXPECT_THAT(taken, ElementsAre(2));
  EXPECT_THAT(Take(queue, 9), ElementsAre(1, 3));
}

TEST(WaitQueue, RemovesWhoGivesUp) {
  WaitQueue queue;
  const auto ticket = Arrived(1);
  queue.Add(ticket);

  EXPECT_TRUE(queue.Remove(*ticket));
  EXPECT_FALSE(queue.Remove(*ticket));
  EXPECT_THAT(Take(queue, 9), IsEmpty());
}

TEST(WaitQueue, TellsTheLongestWait) {
  WaitQueue queue;
  EXPECT_EQ(queue.OldestWait(kStart), 0s);

  queue.Add(Arrived(2, kStart));
  queue.Add(Arrived(1, kStart + 3s));

  EXPECT_EQ(queue.OldestWait(kStart + 5s), 5s);
}

}  // namespace
}  // namespace chasqui::router
