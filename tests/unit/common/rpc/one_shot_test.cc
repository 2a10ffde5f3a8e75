// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/one_shot.h"

#include <gtest/gtest.h>

#include "tests/support/run_on.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;
using testing::RunOn;

TEST(OneShot, GivesTheFirstValueOnly) {
  Loop loop("loop");

  const int value = RunOn(loop, []() -> Task<int> {
    OneShot<int> shot;
    EXPECT_TRUE(shot.Set(1));
    EXPECT_FALSE(shot.Set(2));
    co_return co_await shot;
  });

  EXPECT_EQ(value, 1);
}

TEST(OneShot, ResumesItsWaiterAfterTheSetter) {
  Loop loop("loop");

  RunOn(loop, [&]() -> Task<void> {
    OneShot<int> shot;
    bool set_returned = false;
    loop.Post([&] {
      shot.Set(1);
      set_returned = true;
    });
    co_await shot;
    EXPECT_TRUE(set_returned);
  });
}

TEST(OneShot, TellsWhichOfSeveralEventsCameFirst) {
  Loop loop("loop");

  const int first = RunOn(loop, [&]() -> Task<int> {
    OneShot<int> shot;
    auto slow = loop.After(24h, [&] { shot.Set(1); });
    auto fast = loop.After(1ms, [&] { shot.Set(2); });
    co_return co_await shot;
  });

  EXPECT_EQ(first, 2);
}

TEST(OneShot, CanBeSetAgainAfterReset) {
  Loop loop("loop");

  RunOn(loop, []() -> Task<void> {
    OneShot<int> shot;
    shot.Set(1);
    EXPECT_EQ(co_await shot, 1);
    shot.Reset();
    shot.Set(2);
    EXPECT_EQ(co_await shot, 2);
  });
}

}  // namespace
}  // namespace chasqui::rpc
