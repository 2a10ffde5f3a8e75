// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"
#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = Dispatcher::Standing::State;

// Who waits, who goes first and who is told that it makes no sense.
class DispatcherQueue : public DispatcherTest {
 protected:
  explicit DispatcherQueue(Dispatcher::Options options = Options(3))
      : DispatcherTest(std::move(options)) {}

  std::shared_ptr<Ticket> Submit(Priority priority, const std::string& tenant = "",
                                 const std::string& id = "") {
    auto ticket = NewTicket();
    ticket->priority = priority;
    ticket->tenant = tenant;
    ticket->request_id = id;
    ticket->cost_tokens = 1024;
    return DispatcherTest::Submit(std::move(ticket));
  }

  Dispatcher::Standing Find(const std::string& id, const std::string& tenant = "") const {
    return dispatcher_.Find(tenant, id, At(now_).steady);
  }

  // Requests of 1024 tokens take two seconds each at the only slot.
  void Measure() {
    for (int i = 0; i < 20; ++i) {
      const auto ticket = Submit(Priority::kNormal);
      now_ += 2s;
      Release(*ticket, Ending::kAnswered);
    }
  }
};

TEST_F(DispatcherQueue, ServesTheHigherClassFirst) {
  Join("w1", 1);
  const auto running = Submit(Priority::kNormal);
  const auto low = Submit(Priority::kLow);
  const auto normal = Submit(Priority::kNormal);
  const auto high = Submit(Priority::kHigh);

  Release(*running);
  Release(*high);

  EXPECT_EQ(WhereTo(normal), "w1");
  EXPECT_EQ(WhereTo(low), "waits");
}

TEST_F(DispatcherQueue, ServesTenantsInTurns) {
  Join("w1", 1);
  const auto running = Submit(Priority::kNormal);
  const auto first = Submit(Priority::kNormal, "a");
  const auto second = Submit(Priority::kNormal, "a");
  const auto other = Submit(Priority::kNormal, "b");

  Release(*running);
  Release(*first);

  EXPECT_EQ(WhereTo(other), "w1");
  EXPECT_EQ(WhereTo(second), "waits");
}

TEST_F(DispatcherQueue, TellsWhoWasDisplaced) {
  Join("w1", 1);
  Submit(Priority::kNormal);
  std::vector<std::shared_ptr<Ticket>> low;
  for (int i = 0; i < 3; ++i) low.push_back(Submit(Priority::kLow, "", "low"));

  const auto high = Submit(Priority::kHigh);

  EXPECT_EQ(WhereTo(high), "waits");
  EXPECT_THAT(dispatcher_.TakeDecided(), ElementsAre(low[2]));
  EXPECT_EQ(status::ErrorReason(low[2]->outcome->status()), "DISPLACED");
  EXPECT_FALSE(dispatcher_.Withdraw(*low[2]));
  EXPECT_EQ(dispatcher_.Queues(At(now_).steady)[0].refused.displaced, 1u);
}

// An ejection ends without a sign to the queue: who comes then must not go before those who wait.
TEST_F(DispatcherQueue, LetsNobodyOvertakeWhenAnEjectionEnds) {
  Join("w1", 1);
  Join("w2", 1);
  const auto running = Submit(Priority::kNormal);
  ASSERT_EQ(WhereTo(running), "w1");
  for (int i = 0; i < 5; ++i) {
    const auto ticket = Submit(Priority::kNormal);
    ASSERT_EQ(WhereTo(ticket), "w2");
    Release(*ticket, Ending::kFailed);
  }
  const auto waiting = Submit(Priority::kNormal);
  ASSERT_EQ(WhereTo(waiting), "waits");
  now_ += 30s;

  const auto newcomer = Submit(Priority::kHigh);

  EXPECT_EQ(WhereTo(waiting), "w2");
  EXPECT_EQ(WhereTo(newcomer), "waits");
}

TEST_F(DispatcherQueue, RefusesWhatCannotBeAnsweredInTime) {
  Join("w1", 1);
  Measure();
  Submit(Priority::kNormal);
  Submit(Priority::kNormal);
  auto ticket = NewTicket();
  ticket->cost_tokens = 1024;
  ticket->deadline = At(now_ + 3s).steady;

  DispatcherTest::Submit(ticket);

  ASSERT_EQ(WhereTo(ticket), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(status::ErrorReason(ticket->outcome->status()), "DEADLINE_TOO_CLOSE");
  EXPECT_EQ(dispatcher_.Queues(At(now_).steady)[0].refused.too_late, 1u);
}

TEST_F(DispatcherQueue, LetsASlotThatIsFreeDecide) {
  Join("w1", 1);
  Measure();
  auto ticket = NewTicket();
  ticket->cost_tokens = 1'000'000;
  ticket->deadline = At(now_ + 1ms).steady;

  EXPECT_EQ(WhereTo(DispatcherTest::Submit(ticket)), "w1");
}

TEST_F(DispatcherQueue, TellsWhereARequestStands) {
  Join("w1", 1);
  Measure();
  const auto running = Submit(Priority::kNormal, "", "running");
  Submit(Priority::kNormal, "", "first");
  const auto second = Submit(Priority::kNormal, "", "second");
  Submit(Priority::kNormal, "team", "third");

  EXPECT_EQ(Find("running").state, State::kRunning);
  EXPECT_EQ(Find("nobody").state, State::kUnknown);
  EXPECT_EQ(Find("first").before, (Work{0, 0}));
  EXPECT_EQ(Find("third", "team").state, State::kWaiting);
  EXPECT_EQ(Find("third").state, State::kUnknown) << "it is another tenant's";
  const Dispatcher::Standing standing = Find("second");
  EXPECT_EQ(standing.state, State::kWaiting);
  EXPECT_EQ(standing.model, "tiny");
  EXPECT_EQ(standing.before, (Work{2, 2048}));
  ASSERT_TRUE(standing.estimate.has_value());
  EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(standing.estimate->start), 6s);

  Release(*running);
  EXPECT_EQ(Find("running").state, State::kUnknown);
  EXPECT_EQ(Find("first").state, State::kRunning);
  ASSERT_TRUE(dispatcher_.Withdraw(*second));
  EXPECT_EQ(Find("second").state, State::kUnknown);
}

TEST_F(DispatcherQueue, ShowsItsQueueByClass) {
  Join("w1", 1);
  Submit(Priority::kNormal);
  Submit(Priority::kLow);
  Submit(Priority::kHigh);
  Submit(Priority::kHigh);

  const auto view = dispatcher_.Queues(At(now_).steady)[0];

  EXPECT_EQ(view.waiting_tokens, 3 * 1024u);
  EXPECT_THAT(view.classes, ElementsAre(Work{1, 1024}, Work{0, 0}, Work{2, 2048}));
  EXPECT_TRUE(view.has_worker);
}

// Where requests wait up to ten seconds for a worker.
class DispatcherWaitsForWorker : public DispatcherQueue {
 protected:
  DispatcherWaitsForWorker() : DispatcherQueue(WithWait()) {}

  static Dispatcher::Options WithWait() {
    Dispatcher::Options options = Options(3);
    options.wait_for_worker = 10s;
    options.expected_models = {"tiny"};
    return options;
  }
};

TEST_F(DispatcherWaitsForWorker, ServesThoseThatWaitWhenOneJoins) {
  EXPECT_THAT(dispatcher_.Resolve("tiny"), IsOkAndHolds("tiny"));
  const auto ticket = Submit(Priority::kNormal, "", "r");
  EXPECT_EQ(WhereTo(ticket), "waits");
  EXPECT_FALSE(dispatcher_.Queues(At(now_).steady)[0].has_worker);
  EXPECT_FALSE(Find("r").estimate.has_value());
  now_ = 9s;
  dispatcher_.Expire(At(now_).steady);

  Join("w1", 1);

  EXPECT_EQ(WhereTo(ticket), "w1");
}

TEST_F(DispatcherWaitsForWorker, RefusesThoseThatHaveWaitedForSoLong) {
  const auto ticket = Submit(Priority::kNormal);
  now_ = 5s;
  const auto later = Submit(Priority::kNormal);

  now_ = 10s;
  dispatcher_.Expire(At(now_).steady);

  EXPECT_EQ(WhereTo(ticket), "UNAVAILABLE");
  EXPECT_THAT(dispatcher_.TakeDecided(), ElementsAre(ticket));
  EXPECT_EQ(WhereTo(later), "waits");
}

TEST_F(DispatcherWaitsForWorker, KeepsThoseThatWaitForASlotWhenTheLastWorkerLeaves) {
  const SessionId w1 = Join("w1", 1);
  Submit(Priority::kNormal);
  const auto waiting = Submit(Priority::kNormal);

  dispatcher_.Leave(w1, At(now_).steady);

  EXPECT_EQ(WhereTo(waiting), "waits");
  Join("w2", 1);
  EXPECT_EQ(WhereTo(waiting), "w2");
}

TEST_F(DispatcherWaitsForWorker, KeepsToTheBoundsOfTheQueue) {
  for (int i = 0; i < 3; ++i) Submit(Priority::kNormal);

  EXPECT_EQ(WhereTo(Submit(Priority::kNormal)), "RESOURCE_EXHAUSTED");
}

TEST_F(DispatcherWaitsForWorker, LetsAModelThatWasThereBeWaitedForByAnyName) {
  fleet::v1::WorkerHello hello = Hello("w1");
  hello.mutable_models()->mutable_models(0)->set_name("huge");
  hello.mutable_models()->mutable_models(0)->add_aliases("latest");
  const SessionId w1 = Join(hello);
  dispatcher_.Leave(w1, At(now_).steady);

  EXPECT_THAT(dispatcher_.Resolve("latest"), IsOkAndHolds("huge"));
  EXPECT_THAT(dispatcher_.Resolve("unheard-of"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(DispatcherWaitsForWorker, DoesNotWaitWhereThereIsOneThatFailed) {
  Join("w1", 4);
  const auto ticket = Submit(Priority::kNormal);

  ComeBack(ticket, Ending::kUnreachable);

  EXPECT_EQ(WhereTo(ticket), "UNAVAILABLE");
}

TEST_F(DispatcherWaitsForWorker, LetsCallsWithoutASlotFailAtOnce) {
  auto tokenize = NewTicket();
  tokenize->slots = 0;

  EXPECT_EQ(WhereTo(DispatcherTest::Submit(tokenize)), "UNAVAILABLE");
}

}  // namespace
}  // namespace chasqui::router
