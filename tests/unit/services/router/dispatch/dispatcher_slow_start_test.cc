// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// Workers that have just come get less for ten seconds.
class DispatcherSlowStart : public DispatcherTest {
 protected:
  DispatcherSlowStart() : DispatcherTest(WithSlowStart()) {}

  static Dispatcher::Options WithSlowStart() {
    Dispatcher::Options options = Options(3);
    options.slow_start = 10s;
    return options;
  }

  // How many of twelve requests that run at once the worker gets.
  int ShareOf(const std::string& worker) {
    std::deque<std::shared_ptr<Ticket>> tickets;
    for (int i = 0; i < 12; ++i) tickets.push_back(Submit());
    int share = 0;
    for (const auto& ticket : tickets) {
      share += WhereTo(ticket) == worker ? 1 : 0;
      Release(*ticket, Ending::kAnswered);
    }
    return share;
  }
};

TEST_F(DispatcherSlowStart, GivesAWorkerThatJoinedMoreAndMore) {
  Join("w1", 16);
  now_ = 20s;
  Join("w2", 16);

  EXPECT_LE(ShareOf("w2"), 1);
  now_ = 25s;
  EXPECT_EQ(ShareOf("w2"), 4);
  now_ = 30s;
  EXPECT_EQ(ShareOf("w2"), 6);
}

TEST_F(DispatcherSlowStart, CountsFromWhenItTakesRequests) {
  Join("w1", 16);
  fleet::v1::WorkerHello hello = Hello("w2");
  hello.mutable_load()->set_state(fleet::v1::WORKER_STATE_STARTING);
  const SessionId w2 = Join(hello);
  now_ = 20s;
  Report(w2, {.slots = 16});

  EXPECT_LE(ShareOf("w2"), 1);
}

TEST_F(DispatcherSlowStart, DoesNotBeginAgainWhenAStreamBlinks) {
  Join("w1", 16);
  fleet::v1::WorkerHello hello = Hello("w2");
  *hello.mutable_load() = Load({.slots = 16});
  const SessionId w2 = Join(hello);
  now_ = 20s;
  const auto a = Submit();
  const auto b = Submit();  // one of them runs on w2 and keeps its object
  dispatcher_.Leave(w2, At(now_).steady);
  Join(hello);
  Release(*a);
  Release(*b);

  EXPECT_EQ(ShareOf("w2"), 6);
}

TEST_F(DispatcherSlowStart, BeginsAgainAfterAnEjection) {
  Join("w1", 16);
  Join("w2", 16);
  now_ = 20s;
  for (int failures = 0; failures < 5;) {
    const auto ticket = Submit();
    const bool there = WhereTo(ticket) == "w2";
    Release(*ticket, there ? Ending::kFailed : Ending::kDone);
    failures += there ? 1 : 0;
  }
  ASSERT_EQ(ShareOf("w2"), 0);

  now_ = 50s;
  EXPECT_LE(ShareOf("w2"), 1);
  now_ = 60s;
  EXPECT_EQ(ShareOf("w2"), 6);
}

TEST_F(DispatcherSlowStart, FillsAColdWorkerThatIsTheOnlyOneWithRoom) {
  Join("w1", 2);
  now_ = 20s;
  Join("w2", 2);

  for (int i = 0; i < 4; ++i) EXPECT_NE(WhereTo(Submit()), "waits");
}

}  // namespace
}  // namespace chasqui::router
