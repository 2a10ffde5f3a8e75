// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/sampling_team.h"

#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "services/inference-worker/processors/processor_list.h"

namespace chasqui::worker {
namespace {

using testing::Each;

TEST(SamplingTeam, DoesAllAlone) {
  SamplingTeam team(0, {});
  std::vector<int> calls(5);

  team.Run(calls.size(), [&](std::size_t i) { ++calls[i]; });

  EXPECT_THAT(calls, Each(1));
}

TEST(SamplingTeam, DoesNothingForNothing) {
  SamplingTeam team(2, {});

  team.Run(0, [](std::size_t) { FAIL(); });
}

TEST(SamplingTeam, DoesEachOnceAndIsDoneWhenItReturns) {
  SamplingTeam team(3, {});
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> calls(1 + round % 37);

    team.Run(calls.size(), [&](std::size_t i) { ++calls[i]; });

    ASSERT_THAT(calls, Each(1)) << round;
  }
}

TEST(SamplingTeam, HelpersHelp) {
  SamplingTeam team(2, {});
  absl::Mutex mutex;
  std::set<std::thread::id> threads;
  int there = 0;

  // Each waits until all three are there: one thread alone would never return.
  team.Run(3, [&](std::size_t) {
    const absl::MutexLock lock(mutex);
    threads.insert(std::this_thread::get_id());
    ++there;
    mutex.Await(absl::Condition(+[](int* all) { return *all == 3; }, &there));
  });

  EXPECT_EQ(threads.size(), 3);
}

TEST(SamplingTeam, HelpersRunWhereTheyAreToldTo) {
  const int processor = AllowedProcessors().front();
  SamplingTeam team(2, {.processors = {processor}, .nice = {}});
  const auto self = std::this_thread::get_id();
  absl::Mutex mutex;
  int there = 0;

  team.Run(3, [&](std::size_t) {
    const absl::MutexLock lock(mutex);
    if (std::this_thread::get_id() != self) {
      EXPECT_THAT(AllowedProcessors(), testing::ElementsAre(processor));
    }
    ++there;
    mutex.Await(absl::Condition(+[](int* all) { return *all == 3; }, &there));
  });
}

TEST(SamplingHelpers, AreNoneWhereProcessorsComputeTheModel) {
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/false, 64, 32), 0);
}

TEST(SamplingHelpers, AreHalfOfTheCoresAtMostAndNoMoreThanSlotsNeed) {
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/true, 1, 32), 0);
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/true, 8, 32), 4);
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/true, 8, 2), 1);
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/true, 64, 32), 7);
  EXPECT_EQ(SamplingHelpers(/*on_gpu=*/true, 64, 1), 0);
}

}  // namespace
}  // namespace chasqui::worker
