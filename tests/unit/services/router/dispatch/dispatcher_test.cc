// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/dispatcher.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(DispatcherTest, SpreadsOverEqualWorkersWithinOne) {
  Join("w1", 8);
  Join("w2", 8);
  std::map<std::string, int> count;

  for (int i = 0; i < 7; ++i) ++count[WhereTo(Submit())];

  EXPECT_THAT(count, ElementsAre(Pair("w1", 4), Pair("w2", 3)));
}

TEST_F(DispatcherTest, CountsTheRequestsOfOtherRouters) {
  const SessionId w1 = Join("w1", 4);
  Join("w2", 4);
  Report(w1, {.slots = 4, .active = 3});

  EXPECT_EQ(WhereTo(Submit()), "w2");
  EXPECT_EQ(WhereTo(Submit()), "w2");
  EXPECT_EQ(WhereTo(Submit()), "w2");
  EXPECT_THAT(WhereTo(Submit()), ::testing::AnyOf("w1", "w2"));
}

TEST_F(DispatcherTest, DoesNotCountOwnRequestsTwice) {
  const SessionId w1 = Join("w1", 2);
  Submit();

  Report(w1, {.slots = 2, .active = 1, .active_from_you = 1});

  EXPECT_EQ(WhereTo(Submit()), "w1");
  EXPECT_EQ(WhereTo(Submit()), "waits");
}

TEST_F(DispatcherTest, QueuesWhenAllSlotsAreBusyAndServesInOrder) {
  Join("w1", 1);
  const auto running = Submit();
  const auto first = Submit();
  const auto second = Submit();
  EXPECT_EQ(WhereTo(first), "waits");

  Release(*running);

  EXPECT_THAT(dispatcher_.TakeDecided(), ElementsAre(first));
  EXPECT_EQ(WhereTo(first), "w1");
  EXPECT_EQ(WhereTo(second), "waits");
}

TEST_F(DispatcherTest, ServesTheQueueWhenAReportShowsRoom) {
  const SessionId w1 = Join("w1", 2);
  Report(w1, {.slots = 2, .active = 2});
  const auto waiting = Submit();
  EXPECT_EQ(WhereTo(waiting), "waits");

  Report(w1, {.slots = 2, .active = 1});

  EXPECT_THAT(dispatcher_.TakeDecided(), ElementsAre(waiting));
  EXPECT_EQ(WhereTo(waiting), "w1");
}

TEST_F(DispatcherTest, ServesTheQueueWhenAWorkerJoins) {
  Join("w1", 1);
  Submit();
  const auto waiting = Submit();

  Join("w2", 1);

  EXPECT_EQ(WhereTo(waiting), "w2");
}

TEST_F(DispatcherTest, RefusesWhenTheQueueIsFull) {
  Join("w1", 1);
  for (int i = 0; i < 4; ++i) Submit();

  const auto refused = Submit();

  ASSERT_EQ(WhereTo(refused), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(status::ErrorReason(refused->outcome->status()), "QUEUE_FULL");
  EXPECT_EQ(status::RetryDelay(refused->outcome->status()), 1s);
  EXPECT_EQ(dispatcher_.Queues(At(now_).steady)[0].refused.full, 1u);
}

TEST_F(DispatcherTest, TellsRefusedClientsWhenTheQueueWillHaveMoved) {
  Join("w1", 1);
  auto running = Submit();
  std::vector<std::shared_ptr<Ticket>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(Submit());
  for (int i = 0; i < 50; ++i) {  // one in two seconds
    now_ += 2s;
    Release(*running);
    running = waiting.front();
    waiting.erase(waiting.begin());
    waiting.push_back(Submit());
  }

  const auto refused = Submit();

  const auto delay = status::RetryDelay(refused->outcome->status());
  ASSERT_TRUE(delay.has_value());
  EXPECT_NEAR(delay->count(), 6000, 500) << "three before it, two seconds each";
}

TEST_F(DispatcherTest, LetsNobodyWaitWhenTheQueueHoldsNone) {
  Dispatcher dispatcher(Options(0));
  ASSERT_TRUE(dispatcher.Join(Hello("w1"), nullptr, At(0ms)).ok());
  std::vector<std::string> where;

  for (int i = 0; i < 3; ++i) {
    const auto ticket = NewTicket();
    dispatcher.Submit(ticket, At(0ms).steady);
    where.push_back(WhereTo(ticket));
  }

  EXPECT_THAT(where, ElementsAre("w1", "w1", "RESOURCE_EXHAUSTED"));
}

TEST_F(DispatcherTest, ForgetsWhoGivesUpWaiting) {
  Join("w1", 1);
  const auto running = Submit();
  const auto gone = Submit();
  const auto next = Submit();

  EXPECT_TRUE(dispatcher_.Withdraw(*gone));
  Release(*running);

  EXPECT_EQ(WhereTo(gone), "waits");
  EXPECT_EQ(WhereTo(next), "w1");
  EXPECT_FALSE(dispatcher_.Withdraw(*next)) << "it has its place and must give it back";
}

TEST_F(DispatcherTest, AsksTheNextWhenAWorkerIsFull) {
  const SessionId w1 = Join("w1", 4);
  Join("w2", 4);
  const auto ticket = Submit();
  ASSERT_EQ(WhereTo(ticket), "w1");

  ComeBack(ticket, Ending::kFull);

  EXPECT_EQ(WhereTo(ticket), "w2");
  EXPECT_EQ(WhereTo(Submit()), "w2") << "a full worker is left alone until it reports";
  Report(w1, {.slots = 4, .active = 1});
  EXPECT_EQ(WhereTo(Submit()), "w1");
}

TEST_F(DispatcherTest, QueuesAtTheFrontWhenAllAreFull) {
  const SessionId w1 = Join("w1", 2);
  const auto refused = Submit();
  Submit();
  const auto later = Submit();
  EXPECT_EQ(WhereTo(later), "waits");

  ComeBack(refused, Ending::kFull);
  EXPECT_EQ(WhereTo(refused), "waits");
  EXPECT_EQ(WhereTo(later), "waits");

  Report(w1, {.slots = 2, .active = 1, .active_from_you = 1});
  EXPECT_EQ(WhereTo(refused), "w1");
  EXPECT_EQ(WhereTo(later), "waits");
}

TEST_F(DispatcherTest, TakesRequestsBackEvenIntoAFullQueue) {
  Join("w1", 1);
  const auto refused = Submit();
  for (int i = 0; i < 3; ++i) Submit();

  ComeBack(refused, Ending::kFull);

  EXPECT_EQ(WhereTo(refused), "waits");
}

TEST_F(DispatcherTest, GoesElsewhereWhenAWorkerCannotBeReached) {
  const SessionId w1 = Join("w1", 4);
  Join("w2", 4);
  const auto ticket = Submit();
  ASSERT_EQ(WhereTo(ticket), "w1");

  ComeBack(ticket, Ending::kUnreachable);

  EXPECT_EQ(WhereTo(ticket), "w2");
  EXPECT_EQ(WhereTo(Submit()), "w2") << "it is suspect until it reports";
  EXPECT_EQ(WhereTo(Submit()), "w2");
  Report(w1, {.slots = 4});
  EXPECT_EQ(WhereTo(Submit()), "w1");
}

TEST_F(DispatcherTest, FailsARequestThatFailedOnEveryWorker) {
  Join("w1", 4);
  const auto ticket = Submit();

  ComeBack(ticket, Ending::kUnreachable);

  EXPECT_EQ(WhereTo(ticket), "UNAVAILABLE");
}

TEST_F(DispatcherTest, LetsOthersWaitForASuspectWorkersReport) {
  const SessionId w1 = Join("w1", 4);
  ComeBack(Submit(), Ending::kUnreachable);
  const auto other = Submit();
  EXPECT_EQ(WhereTo(other), "waits");

  Report(w1, {.slots = 4});

  EXPECT_EQ(WhereTo(other), "w1");
}

TEST_F(DispatcherTest, ServesOthersPastOneThatMayNotGoThere) {
  Join("w1", 1);
  const SessionId w2 = Join("w2", 1);
  const auto picky = Submit();
  ASSERT_EQ(WhereTo(picky), "w1");
  Submit();
  ComeBack(picky, Ending::kUnreachable);  // w1 is suspect, w2 is busy
  const auto other = Submit();

  dispatcher_.Report(1, Load({.slots = 1}), At(now_)).IgnoreError();

  EXPECT_EQ(WhereTo(other), "w1");
  EXPECT_EQ(WhereTo(picky), "waits");
  dispatcher_.Leave(w2, At(now_).steady);
  EXPECT_EQ(WhereTo(picky), "UNAVAILABLE");
}

TEST_F(DispatcherTest, GivesCallsWithoutASlotAPlaceOnABusyWorker) {
  Join("w1", 1);
  Submit();
  const auto tokenize = NewTicket();
  tokenize->slots = 0;

  Submit(tokenize);
  EXPECT_EQ(WhereTo(tokenize), "w1");
  EXPECT_EQ(dispatcher_.registry().members().at("w1")->seats.at("tiny").own, 1u);

  Release(*tokenize);
  EXPECT_EQ(dispatcher_.registry().members().at("w1")->seats.at("tiny").own, 1u);
}

TEST_F(DispatcherTest, TellsTheStateOfItsQueues) {
  Join("w1", 1);
  Submit();
  now_ = 1s;
  Submit();
  Submit();

  const auto queues = dispatcher_.Queues(At(5s).steady);

  ASSERT_THAT(queues, SizeIs(1));
  EXPECT_EQ(queues[0].model, "tiny");
  EXPECT_EQ(queues[0].waiting, 2u);
  EXPECT_EQ(queues[0].running, 1u);
  EXPECT_EQ(queues[0].oldest_wait, 4s);
}

}  // namespace
}  // namespace chasqui::router
