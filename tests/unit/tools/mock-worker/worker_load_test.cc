// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/worker_load.h"

#include <gtest/gtest.h>

namespace chasqui::mock_worker {
namespace {

TEST(WorkerLoad, RefusesWhenAllSlotsAreTakenUntilOneIsLeft) {
  WorkerLoad load("m", 1);
  std::optional<WorkerLoad::Slot> first = load.Enter("");

  EXPECT_TRUE(first.has_value());
  EXPECT_FALSE(load.Enter("").has_value());
  first.reset();
  EXPECT_TRUE(load.Enter("").has_value());
}

TEST(WorkerLoad, TellsARouterWhichOfTheRequestsAreItsOwn) {
  WorkerLoad load("m", 8);
  const auto a = load.Enter("router-a");
  const auto b = load.Enter("router-b");
  const auto c = load.Enter("router-b");

  EXPECT_EQ(load.Report("router-b").models(0).active(), 3U);
  EXPECT_EQ(load.Report("router-b").models(0).active_from_you(), 2U);
  EXPECT_EQ(load.Report("router-c").models(0).active_from_you(), 0U);
}

TEST(WorkerLoad, TellsListenersOfEachChange) {
  WorkerLoad load("m", 8);
  int changes = 0;
  load.AddListener([&changes] { ++changes; });

  {
    const auto slot = load.Enter("");
    EXPECT_EQ(changes, 1);
  }

  EXPECT_EQ(changes, 2);
  load.SetDraining(true);
  EXPECT_EQ(changes, 3);
  EXPECT_EQ(load.Report("").state(), fleet::v1::WORKER_STATE_DRAINING);
}

}  // namespace
}  // namespace chasqui::mock_worker
