// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Workers that fail again and again.
class DispatcherEjection : public DispatcherTest {
 protected:
  explicit DispatcherEjection(Dispatcher::Options options = Options(3))
      : DispatcherTest(std::move(options)) {}

  // Requests at the worker that end so, while all others stay idle; whether it got them.
  bool Fail(const std::string& worker, int times, Ending ending) {
    for (int tries = 0; times > 0 && tries < 100; ++tries) {
      const auto ticket = Submit();
      const bool there = WhereTo(ticket) == worker;
      Release(*ticket, there ? ending : Ending::kDone);
      times -= there ? 1 : 0;
    }
    return times == 0;
  }

  // Whether the worker gets any of a round of requests.
  bool IsAsked(const std::string& worker) {
    bool asked = false;
    for (int i = 0; i < 10; ++i) {
      const auto ticket = Submit();
      asked = asked || WhereTo(ticket) == worker;
      Release(*ticket, Ending::kDone);
    }
    return asked;
  }
};

TEST_F(DispatcherEjection, LeavesAWorkerAloneForAWhile) {
  Join("w1", 8);
  Join("w2", 8);

  ASSERT_TRUE(Fail("w1", 5, Ending::kFailed));

  EXPECT_FALSE(IsAsked("w1"));
  now_ += std::chrono::seconds(30);
  EXPECT_TRUE(IsAsked("w1"));
}

TEST_F(DispatcherEjection, IsToldOnce) {
  Join("w1", 8);
  Join("w2", 8);

  ASSERT_TRUE(Fail("w1", 5, Ending::kFailed));

  EXPECT_THAT(dispatcher_.TakeEjected(),
              ElementsAre(Dispatcher::Ejection{.worker_id = "w1", .model = "tiny"}));
  EXPECT_THAT(dispatcher_.TakeEjected(), IsEmpty());
}

TEST_F(DispatcherEjection, CountsThoseThatCannotBeReachedThoughTheyReport) {
  const SessionId w1 = Join("w1", 8);
  Join("w2", 8);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Fail("w1", 1, Ending::kUnreachable));
    Report(w1, {.slots = 8});  // it is no longer suspect
  }

  EXPECT_FALSE(IsAsked("w1"));
}

TEST_F(DispatcherEjection, DoesNotCountWhatClientsDidWrong) {
  Join("w1", 8);
  Join("w2", 8);

  ASSERT_TRUE(Fail("w1", 20, Ending::kDone));

  EXPECT_TRUE(IsAsked("w1"));
}

TEST_F(DispatcherEjection, IsDisregardedWhenMoreThanHalfFail) {
  Join("w1", 8);
  Join("w2", 8);
  Join("w3", 8);
  ASSERT_TRUE(Fail("w1", 5, Ending::kFailed));
  ASSERT_FALSE(IsAsked("w1"));

  ASSERT_TRUE(Fail("w2", 5, Ending::kFailed));

  EXPECT_TRUE(IsAsked("w1"));
  EXPECT_TRUE(IsAsked("w2"));
}

// With an ejection of a third of the workers at the most.
class DispatcherEjectionOfFew : public DispatcherEjection {
 protected:
  DispatcherEjectionOfFew() : DispatcherEjection(WithPercent()) {}

  static Dispatcher::Options WithPercent() {
    Dispatcher::Options options = Options(3);
    options.max_ejected_percent = 34;
    return options;
  }
};

TEST_F(DispatcherEjectionOfFew, IsDisregardedWhenMoreThanConfiguredFail) {
  Join("w1", 8);
  Join("w2", 8);
  ASSERT_TRUE(Fail("w1", 5, Ending::kFailed));
  EXPECT_TRUE(IsAsked("w1"));

  Join("w3", 8);

  EXPECT_FALSE(IsAsked("w1"));
}

TEST_F(DispatcherEjection, IsDisregardedWhenThereIsNoOther) {
  Join("w1", 8);
  const SessionId w2 = Join("w2", 8);
  ASSERT_TRUE(Fail("w1", 5, Ending::kFailed));
  std::shared_ptr<Ticket> ticket = NewTicket();
  ticket->avoid.push_back(w2);

  EXPECT_EQ(WhereTo(Submit(ticket)), "w1");
}

}  // namespace
}  // namespace chasqui::router
