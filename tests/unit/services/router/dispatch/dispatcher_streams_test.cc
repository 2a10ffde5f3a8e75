// SPDX-License-Identifier: Apache-2.0
// Requests of several answers, and streams that move.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DispatcherStreams : public DispatcherTest {
 protected:
  DispatcherStreams() : DispatcherTest(StreamOptions()) {}

  static Dispatcher::Options StreamOptions() {
    Dispatcher::Options options = Options(9);
    options.still_after = std::chrono::seconds(10);
    return options;
  }

  std::shared_ptr<Ticket> OfSlots(std::uint32_t slots) {
    auto ticket = NewTicket();
    ticket->slots = slots;
    return ticket;
  }
  std::shared_ptr<Ticket> Movable() {
    auto ticket = NewTicket();
    ticket->movable = true;
    return ticket;
  }
  // A stream that has begun with the weights `fingerprint` and looks for a place.
  std::shared_ptr<Ticket> Begun(const std::string& fingerprint) {
    auto ticket = Movable();
    ticket->fingerprint = fingerprint;
    ticket->refusable = false;
    ticket->outlasts_workers = true;
    return ticket;
  }
};

TEST_F(DispatcherStreams, CountASlotForEachAnswer) {
  Join("w1", 4);
  const auto three = Submit(OfSlots(3));
  const auto two = Submit(OfSlots(2));

  EXPECT_EQ(WhereTo(three), "w1");
  EXPECT_EQ(WhereTo(two), "waits");

  Release(*three);

  EXPECT_EQ(WhereTo(two), "w1");
  EXPECT_EQ(WhereTo(Submit(OfSlots(2))), "w1");
  EXPECT_EQ(WhereTo(Submit()), "waits");
}

TEST_F(DispatcherStreams, AskingForMoreSlotsThanThereAreGetsAllForTheWorkersWord) {
  Join("w1", 2);
  const auto one = Submit();
  const auto five = Submit(OfSlots(5));
  EXPECT_EQ(WhereTo(five), "waits");

  Release(*one);

  EXPECT_EQ(WhereTo(five), "w1");
  Release(*five);
  EXPECT_EQ(WhereTo(Submit(OfSlots(2))), "w1");
}

TEST_F(DispatcherStreams, AreRecalledFromAWorkerThatDrains) {
  Join("w1", 2);
  const auto stream = Submit(Movable());
  Submit();  // cannot move

  ASSERT_TRUE(dispatcher_.SetDrain("w1", true, At(now_).steady).ok());

  const auto recalled = dispatcher_.TakeRecalled();
  ASSERT_EQ(recalled.size(), 1u);
  EXPECT_EQ(recalled[0].ticket, stream);
  EXPECT_EQ(recalled[0].why, Recall::kDraining);
}

TEST_F(DispatcherStreams, AreRecalledAgainUntilTheyHaveLeft) {
  const SessionId w1 = Join("w1", 2);
  const auto stream = Submit(Movable());
  dispatcher_.Leave(w1, At(now_).steady);
  ASSERT_EQ(dispatcher_.TakeRecalled().at(0).why, Recall::kGone);

  dispatcher_.Expire(At(now_).steady);
  EXPECT_EQ(dispatcher_.TakeRecalled().size(), 1u);

  Release(*stream, Ending::kUnreachable);
  dispatcher_.Expire(At(now_).steady);
  EXPECT_THAT(dispatcher_.TakeRecalled(), IsEmpty());
}

TEST_F(DispatcherStreams, WaitForTheirWeightsWithoutHoldingUpOthers) {
  Join("w1", 1);
  const auto running = Submit();
  const auto stream = Submit(Begun("other weights"));
  const auto other = Submit();
  EXPECT_EQ(WhereTo(stream), "waits");
  EXPECT_EQ(WhereTo(other), "waits");

  Release(*running);

  EXPECT_THAT(dispatcher_.TakeDecided(), ElementsAre(other));
  EXPECT_EQ(WhereTo(stream), "waits");
}

TEST_F(DispatcherStreams, WaitWhereNoWorkerIsLeft) {
  const SessionId w1 = Join("w1", 1);
  dispatcher_.Leave(w1, At(now_).steady);
  const auto stream = Submit(Begun(""));
  EXPECT_EQ(WhereTo(stream), "waits");

  Join("w2", 1);

  EXPECT_EQ(WhereTo(stream), "w2");
}

TEST_F(DispatcherStreams, GoBackToAWorkerTheyFailedOnRatherThanNowhere) {
  const SessionId w1 = Join("w1", 1);
  const auto stream = Begun("");
  stream->avoid.push_back(w1);

  EXPECT_EQ(WhereTo(Submit(stream)), "w1");
}

}  // namespace
}  // namespace chasqui::router
