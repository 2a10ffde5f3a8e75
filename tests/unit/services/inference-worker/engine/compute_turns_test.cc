// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/compute_turns.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait_until.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;

class ComputeTurnsTest : public ::testing::Test {
 protected:
  using Member = ComputeTurns::Member;

  // Whoever waits is alone in its thread; a test goes on when `count` of them do.
  void AwaitWaiting(std::size_t count) const {
    ASSERT_TRUE(chasqui::testing::WaitUntil([&] { return turns_.waiting() == count; }));
  }

  // Takes steps of `length` until all members together have taken `most` time, and says how long
  // its own were together. The clock is moved by the one whose turn it is.
  concurrency::NamedThread Busy(Member& member, time::Duration length, time::Duration most,
                                time::Duration& own) {
    return {"member", [this, &member, length, most, &own](const std::stop_token& stop) {
              while (member.Enter(stop) && total_ < most) {
                EXPECT_EQ(inside_.exchange(true), false);
                clock_.Advance(length);
                own += length;
                total_ += length;
                inside_ = false;
              }
              member.Leave();
            }};
  }

  chasqui::testing::FakeClock clock_;
  ComputeTurns turns_{clock_};
  time::Duration total_{};  // by those whose turn it is
  std::atomic<bool> inside_ = false;
  const std::stop_token never_;
};

TEST_F(ComputeTurnsTest, OneAloneNeverWaits) {
  const auto member = turns_.Join({});

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(member->Enter(never_));
  member->Leave();
  member->Leave();
  EXPECT_TRUE(member->Enter(never_));
}

TEST_F(ComputeTurnsTest, OnlyOneComputesAtATime) {
  const auto first = turns_.Join({});
  const auto second = turns_.Join({});
  ASSERT_TRUE(first->Enter(never_));
  std::atomic<bool> entered = false;
  concurrency::NamedThread thread(
      "second", [&](const std::stop_token& stop) { entered = second->Enter(stop); });
  AwaitWaiting(1);
  EXPECT_FALSE(entered);

  first->Leave();

  thread.Join();
  EXPECT_TRUE(entered);
}

TEST_F(ComputeTurnsTest, ATurnPassesOnBetweenSteps) {
  const auto first = turns_.Join({});
  const auto second = turns_.Join({});
  ASSERT_TRUE(first->Enter(never_));
  concurrency::NamedThread thread("second", [&](const std::stop_token& stop) {
    EXPECT_TRUE(second->Enter(stop));
    clock_.Advance(30ms);
    second->Leave();
  });
  AwaitWaiting(1);
  clock_.Advance(10ms);
  const auto before = clock_.SteadyNow();

  EXPECT_TRUE(first->Enter(never_));  // it has used 10 ms, the other nothing

  EXPECT_EQ(clock_.SteadyNow() - before, 30ms);
}

TEST_F(ComputeTurnsTest, LongAndShortStepsGetTheSameTime) {
  const auto slow = turns_.Join({});
  const auto fast = turns_.Join({});
  ASSERT_TRUE(slow->Enter(never_));
  time::Duration of_slow{};
  time::Duration of_fast{};
  auto other = Busy(*fast, 3ms, 10s, of_fast);
  AwaitWaiting(1);
  auto own = Busy(*slow, 100ms, 10s, of_slow);
  other.Join();
  own.Join();

  EXPECT_NEAR(std::chrono::duration<double>(of_slow).count(), 5, 0.25);
  EXPECT_NEAR(std::chrono::duration<double>(of_fast).count(), 5, 0.25);
}

TEST_F(ComputeTurnsTest, APauseEarnsNoMoreThanTheNextTurn) {
  const auto busy = turns_.Join({});
  const auto sleeper = turns_.Join({});
  ASSERT_TRUE(busy->Enter(never_));
  clock_.Advance(1h);
  EXPECT_TRUE(busy->Enter(never_));
  time::Duration of_busy{};
  time::Duration of_sleeper{};
  auto woken = Busy(*sleeper, 10ms, 2s, of_sleeper);
  AwaitWaiting(1);
  auto other = Busy(*busy, 10ms, 2s, of_busy);
  woken.Join();
  other.Join();

  EXPECT_NEAR(std::chrono::duration<double>(of_busy).count(), 1, 0.05);
}

TEST_F(ComputeTurnsTest, WhatWasUsedWhileOthersPausedCostsNothing) {
  const auto old = turns_.Join({});
  ASSERT_TRUE(old->Enter(never_));
  clock_.Advance(1h);
  old->Leave();
  const auto young = turns_.Join({});
  ASSERT_TRUE(young->Enter(never_));
  time::Duration of_old{};
  time::Duration of_young{};
  auto returns = Busy(*old, 10ms, 2s, of_old);
  AwaitWaiting(1);
  auto other = Busy(*young, 10ms, 2s, of_young);
  returns.Join();
  other.Join();

  EXPECT_NEAR(std::chrono::duration<double>(of_old).count(), 1, 0.05);
}

TEST_F(ComputeTurnsTest, ThoseOnOtherProcessorsDoNotWait) {
  const auto left = turns_.Join(std::vector<int>{0, 1});
  const auto right = turns_.Join(std::vector<int>{2, 3});
  const auto both = turns_.Join(std::vector<int>{1, 2});
  ASSERT_TRUE(left->Enter(never_));
  EXPECT_TRUE(right->Enter(never_));
  std::atomic<bool> entered = false;
  concurrency::NamedThread thread(
      "both", [&](const std::stop_token& stop) { entered = both->Enter(stop); });
  AwaitWaiting(1);

  left->Leave();
  EXPECT_EQ(turns_.waiting(), 1);
  right->Leave();

  thread.Join();
  EXPECT_TRUE(entered);
}

TEST_F(ComputeTurnsTest, WaitingEndsWhenAskedToStop) {
  const auto first = turns_.Join({});
  const auto second = turns_.Join({});
  ASSERT_TRUE(first->Enter(never_));
  std::atomic<bool> entered = true;
  concurrency::NamedThread thread(
      "second", [&](const std::stop_token& stop) { entered = second->Enter(stop); });
  AwaitWaiting(1);

  thread.RequestStop();

  thread.Join();
  EXPECT_FALSE(entered);
  EXPECT_EQ(turns_.waiting(), 0);
  EXPECT_TRUE(first->Enter(never_));
}

TEST_F(ComputeTurnsTest, AMemberThatGoesGivesItsTurnUp) {
  auto first = turns_.Join({});
  const auto second = turns_.Join({});
  ASSERT_TRUE(first->Enter(never_));
  concurrency::NamedThread thread(
      "second", [&](const std::stop_token& stop) { EXPECT_TRUE(second->Enter(stop)); });
  AwaitWaiting(1);

  first.reset();

  thread.Join();
}

TEST(ComputeTurnsDeathTest, OutliveTheirMembers) {
  std::unique_ptr<ComputeTurns::Member> member;
  EXPECT_DEATH(
      {
        ComputeTurns turns;
        member = turns.Join({});
      },
      "outlives the turns");
}

TEST_F(ComputeTurnsTest, ManyShareFairly) {
  constexpr int kMembers = 4;
  std::vector<std::unique_ptr<Member>> members;
  std::vector<time::Duration> own(kMembers);
  const auto gate = turns_.Join({});
  ASSERT_TRUE(gate->Enter(never_));
  {
    std::vector<concurrency::NamedThread> threads;
    for (std::size_t i = 0; i < kMembers; ++i) {
      members.push_back(turns_.Join({}));
      threads.push_back(Busy(*members[i], std::chrono::milliseconds(1 + (20 * i)), 20s, own[i]));
    }
    AwaitWaiting(kMembers);
    gate->Leave();
    for (auto& thread : threads) thread.Join();
  }

  for (const auto each : own) EXPECT_NEAR(std::chrono::duration<double>(each).count(), 5, 0.3);
}

}  // namespace
}  // namespace chasqui::worker
