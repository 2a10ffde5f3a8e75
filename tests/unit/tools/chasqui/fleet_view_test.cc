// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/fleet_view.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::WatchFleetResponse;
using ::testing::ElementsAre;

WatchFleetResponse Snapshot(const std::string& text) {
  WatchFleetResponse snapshot;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &snapshot)) << text;
  return snapshot;
}

std::vector<std::string> Ids(const FleetView& view) {
  std::vector<std::string> ids;
  for (const WorkerRow& row : view.workers) ids.push_back(row.worker_id + ":" + row.model);
  return ids;
}

// Worker `id` at the second `at`, having generated `tokens`.
std::string Worker(const std::string& id, int at, int tokens, const std::string& more = "") {
  return "workers { worker_id: '" + id +
         "' incarnation: 1 state: WORKER_STATE_READY load_time { "
         "seconds: " +
         std::to_string(at) +
         " } load { models { model: 'tiny' slots: 4 "
         "generated_tokens_total: " +
         std::to_string(tokens) + " decode_tokens_per_second: 99 " + more + " } } }";
}

TEST(FleetView, HasARowForEachModelOfEachWorker) {
  const FleetView view = ViewOf(
      Snapshot("router_id: 'r' workers { worker_id: 'w2' state: WORKER_STATE_DRAINING in_flight: 3 "
               "load { resident_bytes: 7 models { model: 'b' slots: 2 active: 1 kv_tokens: 100 "
               "kv_used_tokens: 25 } models { model: 'a' slots: 1 } } "
               "devices { name: 'CPU' } devices { temperature_celsius: 50 utilization: 0.25 } "
               "devices { temperature_celsius: 70 utilization: 0.125 } } "
               "workers { worker_id: 'w1' state: WORKER_STATE_STARTING }"),
      {}, SortBy::kWorker);

  ASSERT_EQ(view.workers.size(), 3u);
  EXPECT_EQ(view.workers[0], (WorkerRow{.worker_id = "w1", .state = "STARTING", .model = ""}));
  EXPECT_EQ(view.workers[1].model, "a");
  EXPECT_EQ(view.workers[2], (WorkerRow{.worker_id = "w2",
                                        .state = "DRAINING",
                                        .model = "b",
                                        .running = 3,
                                        .active = 1,
                                        .slots = 2,
                                        .kv = 0.25,
                                        .memory_bytes = 7,
                                        .temperature = 70,
                                        .utilization = 0.25}));
}

TEST(FleetView, AddsUpTheFleet) {
  const FleetView view = ViewOf(
      Snapshot(Worker("w1", 1, 0, "active: 3") + Worker("w2", 1, 0, "active: 4") +
               "workers { worker_id: 'w3' state: WORKER_STATE_DRAINING }"
               "queues { model: 'tiny' queued: 5 oldest_wait { nanos: 250000000 } running: 7 "
               "refused_total: 9 } queues { model: 'big' queued: 2 }"),
      {}, SortBy::kWorker);

  EXPECT_EQ(view.totals.workers, 3u);
  EXPECT_EQ(view.totals.ready, 2u);
  EXPECT_EQ(view.totals.active, 7u);
  EXPECT_EQ(view.totals.slots, 8u);
  EXPECT_EQ(view.totals.waiting, 7u);
  ASSERT_EQ(view.queues.size(), 2u);
  EXPECT_EQ(
      view.queues[0],
      (QueueRow{.model = "tiny", .waiting = 5, .oldest_ms = 250, .running = 7, .refused = 9}));
}

TEST(FleetView, CountsTokensBetweenTwoReports) {
  const auto former = Snapshot(Worker("w1", 10, 1000) + Worker("w2", 10, 1000));

  const FleetView view =
      ViewOf(Snapshot(Worker("w1", 12, 1050) + Worker("w2", 10, 1000)), former, SortBy::kWorker);

  EXPECT_EQ(view.workers[0].tokens_per_second, 25);
  EXPECT_EQ(view.workers[1].tokens_per_second, 0) << "no second report yet";
  EXPECT_EQ(view.totals.tokens_per_second, 25);
}

TEST(FleetView, DoesNotCountAcrossLives) {
  auto former = Snapshot(Worker("w1", 10, 1000));
  former.mutable_workers(0)->set_incarnation(2);

  EXPECT_EQ(ViewOf(Snapshot(Worker("w1", 12, 1050)), former, SortBy::kWorker)
                .workers[0]
                .tokens_per_second,
            0);
  // Loaded anew, it counts from 0.
  EXPECT_EQ(ViewOf(Snapshot(Worker("w1", 12, 5)), Snapshot(Worker("w1", 10, 1000)), SortBy::kWorker)
                .workers[0]
                .tokens_per_second,
            0);
}

TEST(FleetView, SortsByWhatIsAskedFor) {
  const auto former = Snapshot(Worker("w1", 1, 0) + Worker("w2", 1, 0) + Worker("w3", 1, 0));
  const auto snapshot = Snapshot(Worker("w1", 2, 1, "active: 1 kv_tokens: 10 kv_used_tokens: 9") +
                                 Worker("w2", 2, 2, "active: 4 kv_tokens: 10 kv_used_tokens: 1") +
                                 Worker("w3", 2, 3, "active: 1"));

  EXPECT_THAT(Ids(ViewOf(snapshot, former, SortBy::kWorker)),
              ElementsAre("w1:tiny", "w2:tiny", "w3:tiny"));
  EXPECT_THAT(Ids(ViewOf(snapshot, former, SortBy::kLoad)),
              ElementsAre("w2:tiny", "w1:tiny", "w3:tiny"));
  EXPECT_THAT(Ids(ViewOf(snapshot, former, SortBy::kRate)),
              ElementsAre("w3:tiny", "w2:tiny", "w1:tiny"));
  EXPECT_THAT(Ids(ViewOf(snapshot, former, SortBy::kKv)),
              ElementsAre("w1:tiny", "w2:tiny", "w3:tiny"));
}

// Snapshots come when anything has changed: not every one has a new report of every worker.
TEST(FleetView, KeepsTheRateOfOneThatHasNotReportedSince) {
  const auto first = Snapshot(Worker("w1", 10, 1000) + Worker("w2", 10, 0));
  const auto second = Snapshot(Worker("w1", 12, 1050) + Worker("w2", 11, 5));
  const auto third = Snapshot(Worker("w1", 12, 1050) + Worker("w2", 12, 9));
  WatchFleetResponse former;

  KeepReports({}, first, former);
  EXPECT_EQ(ViewOf(first, former, SortBy::kWorker).workers[0].tokens_per_second, 0);
  KeepReports(first, second, former);
  EXPECT_EQ(ViewOf(second, former, SortBy::kWorker).workers[0].tokens_per_second, 25);
  KeepReports(second, third, former);

  const FleetView view = ViewOf(third, former, SortBy::kWorker);
  EXPECT_EQ(view.workers[0].tokens_per_second, 25);
  EXPECT_EQ(view.workers[1].tokens_per_second, 4);
}

TEST(SortBy, GoesRound) {
  SortBy by = SortBy::kWorker;
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i, by = NextSort(by)) names.push_back(SortName(by));

  EXPECT_THAT(names, ElementsAre("worker", "load", "tokens/s", "KV", "worker"));
}

}  // namespace
}  // namespace chasqui::cli
