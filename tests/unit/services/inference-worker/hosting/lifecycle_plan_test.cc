// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/lifecycle_plan.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using State = ModelStage::State;

constexpr time::SteadyTime kNow{1000h};

ModelStage Loaded(std::string name, std::uint64_t bytes, time::Duration unused) {
  return {
      .name = std::move(name), .state = State::kLoaded, .bytes = bytes, .last_used = kNow - unused};
}

ModelStage Busy(std::string name, std::uint64_t bytes) {
  ModelStage model = Loaded(std::move(name), bytes, 0s);
  model.busy = true;
  return model;
}

ModelStage In(State state, std::string name, std::uint64_t bytes) {
  return {.name = std::move(name), .state = state, .bytes = bytes};
}

ModelStage Wanted(std::string name, std::uint64_t bytes, time::Duration waited) {
  return {.name = std::move(name), .bytes = bytes, .wanted_since = kNow - waited};
}

LifecyclePlan Plan(const std::vector<ModelStage>& models, const LifecycleLimits& limits,
                   std::optional<std::uint64_t> available = std::nullopt) {
  return PlanLifecycle(models, limits, available, kNow);
}

LifecyclePlan Unloads(std::vector<std::string> names) {
  return {.load = {}, .unload = std::move(names), .refuse = {}};
}

TEST(PlanLifecycle, LeavesAloneWhatNobodyWants) {
  EXPECT_EQ(Plan({In(State::kUnloaded, "a", 10), Loaded("b", 10, 24h)}, {}, 100), LifecyclePlan());
}

TEST(PlanLifecycle, LoadsWhatIsWantedInTheOrderOfWaiting) {
  const auto plan =
      Plan({Wanted("a", 10, 1s), Wanted("b", 10, 3s), Wanted("c", 10, 2s)}, {.max_loading = 2});

  EXPECT_THAT(plan.load, ElementsAre("b", "c"));
}

TEST(PlanLifecycle, LoadsNoMoreAtATimeThanItMay) {
  EXPECT_THAT(Plan({In(State::kLoading, "a", 10), Wanted("b", 10, 1s)}, {}).load, IsEmpty());
}

TEST(PlanLifecycle, CountsWhatIsBeingLoadedAsTaken) {
  const auto plan =
      Plan({In(State::kLoading, "a", 60), Wanted("b", 60, 1s)}, {.max_loading = 2}, 100);

  EXPECT_EQ(plan, LifecyclePlan());
}

TEST(PlanLifecycle, UnloadsTheLeastRecentlyUsedForAnother) {
  const auto plan =
      Plan({Loaded("a", 10, 1s), Loaded("b", 10, 3s), Busy("c", 10), Wanted("d", 10, 1s)},
           {.max_loaded = 3});

  EXPECT_EQ(plan, Unloads({"b"}));
}

TEST(PlanLifecycle, UnloadsUntilTheMemoryIsEnoughAndNoMore) {
  const auto plan = Plan(
      {Loaded("a", 30, 1s), Loaded("b", 30, 3s), Loaded("c", 30, 2s), Wanted("d", 60, 1s)}, {}, 10);

  EXPECT_EQ(plan, Unloads({"b", "c"}));
}

TEST(PlanLifecycle, WaitsForWhatLeavesBeforeItUnloadsMore) {
  const auto plan =
      Plan({In(State::kUnloading, "a", 60), Loaded("b", 60, 3s), Wanted("c", 60, 1s)}, {}, 0);

  EXPECT_EQ(plan, LifecyclePlan());
}

TEST(PlanLifecycle, NeverUnloadsWhatRunsOrIsWaitedFor) {
  ModelStage waited_for = Loaded("a", 60, 5s);
  waited_for.wanted_since = kNow;

  EXPECT_EQ(Plan({waited_for, Busy("b", 60), Wanted("c", 60, 1s)}, {}, 0), LifecyclePlan());
}

TEST(PlanLifecycle, KeepsIdleModelsWhenUnloadingThemIsOfNoUse) {
  EXPECT_EQ(Plan({Loaded("a", 10, 5s), Busy("b", 60), Wanted("c", 60, 1s)}, {}, 0),
            LifecyclePlan());
}

TEST(PlanLifecycle, IsNotOvertakenBySmallModels) {
  EXPECT_THAT(
      Plan({Busy("a", 60), Wanted("large", 60, 2s), Wanted("small", 1, 1s)}, {.max_loading = 2}, 10)
          .load,
      IsEmpty());
}

TEST(PlanLifecycle, RefusesWhatDoesNotFitAnEmptyMemory) {
  const auto plan =
      Plan({Loaded("a", 10, 5s), Wanted("large", 200, 2s), Wanted("small", 1, 1s)}, {}, 100);

  EXPECT_EQ(plan, LifecyclePlan({.load = {"small"}, .unload = {}, .refuse = {"large"}}));
}

TEST(PlanLifecycle, UnloadsWhatWasNotUsedForLong) {
  const auto plan =
      Plan({Loaded("a", 10, 59s), Loaded("b", 10, 60s), Busy("c", 10)}, {.idle_unload = 60s});

  EXPECT_EQ(plan, Unloads({"b"}));
}

TEST(LeastRecentlyUsed, IsIdleAndWantedByNobody) {
  const auto at = [](int seconds) { return time::SteadyTime(std::chrono::seconds(seconds)); };
  const ModelStage busy{
      .name = "busy", .state = ModelStage::State::kLoaded, .busy = true, .last_used = at(1)};
  const ModelStage wanted{.name = "wanted",
                          .state = ModelStage::State::kLoaded,
                          .wanted_since = at(9),
                          .last_used = at(2)};
  const ModelStage loading{
      .name = "loading", .state = ModelStage::State::kLoading, .last_used = at(3)};
  const ModelStage newer{.name = "newer", .state = ModelStage::State::kLoaded, .last_used = at(5)};
  const ModelStage older{.name = "older", .state = ModelStage::State::kLoaded, .last_used = at(4)};

  EXPECT_EQ(LeastRecentlyUsed({busy, wanted, loading, newer, older}), "older");
  EXPECT_EQ(LeastRecentlyUsed({busy, wanted, loading}), std::nullopt);
}

}  // namespace
}  // namespace chasqui::worker
