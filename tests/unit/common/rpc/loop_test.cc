// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/loop.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "tests/support/run_on.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::RunOn;

TEST(Loop, RunsPostsInOrderOnItsThread) {
  Loop loop("loop");
  std::vector<int> order;
  absl::Notification done;

  for (int i = 0; i < 3; ++i) {
    loop.Post([&, i] {
      EXPECT_TRUE(loop.IsCurrent());
      order.push_back(i);
    });
  }
  loop.Post([&] { done.Notify(); });
  done.WaitForNotification();

  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(Loop, TakesPostsFromManyThreads) {
  Loop loop("loop");
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  int count = 0;
  absl::Notification done;

  std::vector<concurrency::NamedThread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back("poster", [&](std::stop_token) {
      for (int n = 0; n < kPosts; ++n) {
        loop.Post([&] {
          if (++count == kThreads * kPosts) done.Notify();
        });
      }
    });
  }

  done.WaitForNotification();
}

TEST(Loop, RefusesPostsOnceStopped) {
  Loop loop("loop");
  auto held = std::make_shared<int>(1);
  loop.Stop();

  EXPECT_FALSE(loop.Post([held] { FAIL(); }));

  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, RunsWhatWasPostedBeforeItStopped) {
  bool ran = false;
  Loop loop("loop");
  loop.Post([&] { ran = true; });

  loop.Stop();

  EXPECT_TRUE(ran);
}

TEST(Loop, SleepsAtLeastAsLongAsAsked) {
  Loop loop("loop");
  const auto began = time::SteadyNow();

  RunOn(loop, [&]() -> Task<void> { co_await loop.SleepFor(20ms); });

  EXPECT_GE(time::SteadyNow() - began, 20ms);
}

TEST(Loop, TimersFireInTheOrderOfTheirTimes) {
  Loop loop("loop");
  std::vector<int> order;

  RunOn(loop, [&]() -> Task<void> {
    OneShot<bool> last;
    auto late = loop.After(2ms, [&] {
      order.push_back(2);
      last.Set(true);
    });
    auto early = loop.After(1ms, [&] { order.push_back(1); });
    co_await last;
    EXPECT_FALSE(late.pending());
  });

  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Loop, ADestroyedTimerDoesNotFire) {
  Loop loop("loop");

  RunOn(loop, [&]() -> Task<void> {
    auto kept = loop.After(1ms, [] { FAIL(); });
    {
      auto dropped = loop.After(1ms, [] { FAIL(); });
    }
    kept.Cancel();
    co_await loop.SleepFor(3ms);
  });
}

TEST(Loop, ATimerMayReplaceItself) {
  Loop loop("loop");
  int fired = 0;

  RunOn(loop, [&]() -> Task<void> {
    OneShot<bool> done;
    Loop::Timer timer;
    absl::AnyInvocable<void()> again = [&] {
      if (++fired == 3) {
        done.Set(true);
      } else {
        timer = loop.After(1ms, [&] { again(); });
      }
    };
    again();
    co_await done;
  });

  EXPECT_EQ(fired, 3);
}

TEST(Loop, YieldLetsOthersRun) {
  Loop loop("loop");
  std::vector<int> order;

  RunOn(loop, [&]() -> Task<void> {
    loop.Post([&] { order.push_back(1); });
    co_await loop.Yield();
    order.push_back(2);
  });

  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Loop, DestroysWhatIsStillSuspendedWhenItStops) {
  auto held = std::make_shared<int>(1);
  Loop loop("loop");
  auto sleeper = [](Loop& on, std::shared_ptr<int>) -> Task<void> { co_await on.SleepFor(24h); };
  auto waiter = [](std::shared_ptr<int>) -> Task<void> {
    OneShot<bool> never;
    co_await never;
  };
  loop.Spawn(sleeper(loop, held));
  loop.Spawn(waiter(held));
  loop.Spawn(waiter(held));

  loop.Stop();

  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace chasqui::rpc
