// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/wait_queue.h"

#include <chrono>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/router/queue/queue_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kAll = 1000;

TEST(WaitQueue, ServesInOrderOfArrival) {
  WaitQueue queue;
  for (const std::uint64_t arrival : {1, 2, 3}) queue.Add(MakeTicket({.arrival = arrival}));

  EXPECT_THAT(Take(queue, 2), ElementsAre(1, 2));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(WaitQueue, ServesHigherClassesFirst) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 1, .priority = Priority::kLow}));
  queue.Add(MakeTicket({.arrival = 2, .priority = Priority::kNormal}));
  queue.Add(MakeTicket({.arrival = 3, .priority = Priority::kHigh}));
  queue.Add(MakeTicket({.arrival = 4, .priority = Priority::kNormal}));

  EXPECT_THAT(Take(queue, kAll), ElementsAre(3, 2, 4, 1));
}

TEST(WaitQueue, ServesThoseThatCameBackBeforeAllByArrival) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 5, .priority = Priority::kHigh}));
  queue.Add(MakeTicket({.arrival = 4, .priority = Priority::kLow, .returned = true}));
  queue.Add(MakeTicket({.arrival = 2, .returned = true}));

  EXPECT_THAT(Take(queue, kAll), ElementsAre(2, 4, 5));
}

TEST(WaitQueue, ServesTenantsInTurns) {
  WaitQueue queue;
  for (const std::uint64_t arrival : {1, 2, 3}) {
    queue.Add(MakeTicket({.arrival = arrival, .tenant = "a", .cost = 1024}));
  }
  for (const std::uint64_t arrival : {4, 5}) {
    queue.Add(MakeTicket({.arrival = arrival, .tenant = "b", .cost = 1024}));
  }

  EXPECT_THAT(Take(queue, kAll), ElementsAre(1, 4, 2, 5, 3));
}

// How a request that waited so long stands to others that came just now, one in each class.
TEST(WaitQueue, LetsThoseThatWaitLongGoUp) {
  const struct {
    Priority priority;
    time::Duration waited;
    std::vector<std::uint64_t> order;  // it is number 1; 2, 3 and 4 are low, normal and high
  } kCases[] = {
      {Priority::kLow, 0s, {4, 3, 1, 2}},        {Priority::kLow, 9999ms, {4, 3, 1, 2}},
      {Priority::kLow, 10s, {4, 3, 1, 2}},  // behind those that were there, see below
      {Priority::kLow, 20s, {4, 1, 3, 2}},       {Priority::kLow, 1h, {4, 1, 3, 2}},
      {Priority::kNormal, 9999ms, {4, 1, 3, 2}}, {Priority::kNormal, 10s, {4, 1, 3, 2}},
      {Priority::kHigh, 1h, {1, 4, 3, 2}},
  };
  for (const auto& c : kCases) {
    WaitQueue queue;
    const time::SteadyTime now = kStart + c.waited;
    queue.Add(MakeTicket({.arrival = 1, .priority = c.priority}));
    std::uint64_t arrival = 2;
    for (const Priority priority : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
      queue.Add(MakeTicket({.arrival = arrival++, .priority = priority, .since = now}));
    }

    EXPECT_EQ(Take(queue, kAll, now), c.order)
        << static_cast<int>(c.priority) << " after " << c.waited / 1ms << " ms";
  }
}

TEST(WaitQueue, PutsWhoGoesUpBeforeThoseThatComeLater) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 1, .priority = Priority::kLow}));
  EXPECT_THAT(Take(queue, 0, kStart + 10s), IsEmpty());  // it goes up

  queue.Add(MakeTicket({.arrival = 2, .since = kStart + 11s}));

  EXPECT_THAT(Take(queue, kAll, kStart + 11s), ElementsAre(1, 2));
}

TEST(WaitQueue, LetsNobodyGoUpWithoutAgeing) {
  WaitQueue queue({.ageing = 0s, .fairness = {}});
  queue.Add(MakeTicket({.arrival = 1, .priority = Priority::kLow}));
  queue.Add(MakeTicket({.arrival = 2, .since = kStart + 1h}));

  EXPECT_THAT(Take(queue, kAll, kStart + 1h), ElementsAre(2, 1));
}

// A slot a second, and always three tenants with requests of the highest class: who asked for the
// lowest is served all the same, soon after it has gone up twice.
TEST(WaitQueue, StarvesNobody) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 1'000'000, .tenant = "patient", .priority = Priority::kLow}));
  std::uint64_t arrival = 1;
  int seconds = 0;
  for (; seconds < 100; ++seconds) {
    const time::SteadyTime now = kStart + std::chrono::seconds(seconds);
    for (const char* tenant : {"a", "b", "c"}) {
      queue.Add(MakeTicket({.arrival = arrival++,
                            .tenant = tenant,
                            .cost = 1000,
                            .priority = Priority::kHigh,
                            .since = now}));
    }
    if (Take(queue, 1, now).front() == 1'000'000) break;
  }

  EXPECT_GE(seconds, 20);
  EXPECT_LE(seconds, 24);
}

TEST(WaitQueue, PassesOverThoseThatCameBackAndCannotGo) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 1, .returned = true}));
  queue.Add(MakeTicket({.arrival = 2, .returned = true}));
  queue.Add(MakeTicket({.arrival = 3}));
  std::vector<std::uint64_t> taken;

  queue.Serve(
      kStart,
      [](Ticket& ticket) {
        return ticket.arrival == 1 ? WaitQueue::Verdict::kKeep : WaitQueue::Verdict::kTake;
      },
      [&](std::shared_ptr<Ticket> ticket) { taken.push_back(ticket->arrival); });

  EXPECT_THAT(taken, ElementsAre(2, 3));
  EXPECT_THAT(Take(queue, kAll), ElementsAre(1));
}

TEST(WaitQueue, AsksNobodyBehindOneThatMustWait) {
  WaitQueue queue;
  for (const std::uint64_t arrival : {1, 2, 3}) queue.Add(MakeTicket({.arrival = arrival}));
  int asked = 0;

  queue.Serve(
      kStart, [&](Ticket&) { return ++asked, WaitQueue::Verdict::kKeep; },
      [](std::shared_ptr<Ticket>) {});

  EXPECT_EQ(asked, 1);
}

TEST(WaitQueue, RemovesWhoGivesUp) {
  WaitQueue queue;
  for (const bool returned : {false, true}) {
    const auto ticket = MakeTicket({.arrival = 1, .cost = 7, .returned = returned});
    queue.Add(ticket);
    EXPECT_EQ(queue.tokens(), 7u);

    EXPECT_TRUE(queue.Remove(*ticket));
    EXPECT_FALSE(queue.Remove(*ticket));
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.tokens(), 0u);
  }
  EXPECT_THAT(Take(queue, kAll), IsEmpty());
}

TEST(WaitQueue, TakesOutThoseThatWaitedSinceThen) {
  WaitQueue queue;
  queue.Add(MakeTicket({.arrival = 1, .priority = Priority::kLow}));
  queue.Add(MakeTicket({.arrival = 2, .since = kStart + 1s}));
  queue.Add(MakeTicket({.arrival = 3, .since = kStart + 2s}));
  queue.Add(MakeTicket({.arrival = 4, .since = kStart, .returned = true}));

  EXPECT_EQ(queue.TakeThoseSince(kStart + 1s).size(), 3u);
  EXPECT_THAT(Take(queue, kAll), ElementsAre(3));
}

TEST(WaitQueue, TellsTheLongestWait) {
  WaitQueue queue;
  EXPECT_EQ(queue.OldestWait(kStart), 0s);

  queue.Add(MakeTicket({.arrival = 2, .priority = Priority::kHigh}));
  EXPECT_EQ(queue.OldestWait(kStart + 5s), 5s);
  queue.Add(MakeTicket({.arrival = 1, .since = kStart - 1s, .returned = true}));
  EXPECT_EQ(queue.OldestWait(kStart + 5s), 6s);
}

TEST(WaitQueue, TellsWhatIsBeforeARequest) {
  WaitQueue queue;
  const auto returned = MakeTicket({.arrival = 9, .cost = 1, .returned = true});
  const auto low = MakeTicket({.arrival = 1, .cost = 10, .priority = Priority::kLow});
  const auto first = MakeTicket({.arrival = 2, .cost = 100});
  const auto second = MakeTicket({.arrival = 3, .cost = 1000});
  const auto high = MakeTicket({.arrival = 4, .cost = 10'000, .priority = Priority::kHigh});
  for (const auto& ticket : {returned, low, first, second, high}) queue.Add(ticket);

  EXPECT_EQ(queue.Before(*returned), (Work{0, 0}));
  EXPECT_EQ(queue.Before(*high), (Work{1, 1}));
  EXPECT_EQ(queue.Before(*first), (Work{2, 10'001}));
  EXPECT_EQ(queue.Before(*second), (Work{3, 10'101}));
  EXPECT_EQ(queue.Before(*low), (Work{4, 11'101}));
  EXPECT_EQ(queue.BeforeNewcomer(*MakeTicket({})), (Work{4, 11'101}));
}

}  // namespace
}  // namespace chasqui::router
