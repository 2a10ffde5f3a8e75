// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chasqui/fleet/v1/fleet_service.pb.h"

// What `chasqui fleet top` shows, as numbers: made from snapshots of the fleet, without a terminal.
// Pure functions.
namespace chasqui::cli {

enum class SortBy { kWorker, kLoad, kRate, kKv };

// "worker", "load", ...
std::string SortName(SortBy by);
// The one after it; after the last the first.
SortBy NextSort(SortBy by);

// One model on one worker.
struct WorkerRow {
  std::string worker_id;
  std::string state;          // "READY"
  std::string model;          // empty: it holds none
  std::uint32_t running = 0;  // requests of the router that is asked, of all models of the worker
  std::uint32_t active = 0;
  std::uint32_t slots = 0;
  std::optional<double> kv;  // part of the KV cache in use
  // Generated between the last two reports. 0: none, or there are not two yet.
  double tokens_per_second = 0;
  std::uint64_t memory_bytes = 0;     // of the process
  std::optional<double> temperature;  // of its hottest device, in degrees Celsius
  std::optional<double> utilization;  // of its busiest device, 0 to 1

  bool operator==(const WorkerRow&) const = default;
};

// The requests for one model.
struct QueueRow {
  std::string model;
  std::uint32_t waiting = 0;
  std::int64_t oldest_ms = 0;
  std::uint32_t running = 0;
  std::uint64_t refused = 0;

  bool operator==(const QueueRow&) const = default;
};

struct FleetTotals {
  std::size_t workers = 0;
  std::size_t ready = 0;
  std::uint32_t active = 0;
  std::uint32_t slots = 0;
  std::uint32_t waiting = 0;
  double tokens_per_second = 0;
};

struct FleetView {
  std::string router_id;
  std::string time;
  std::vector<WorkerRow> workers;
  std::vector<QueueRow> queues;
  FleetTotals totals;
};

// `former` has what workers reported before, for rates; see KeepReports. Equal rows stand by worker
// and model.
FleetView ViewOf(const chasqui::fleet::v1::WatchFleetResponse& now,
                 const chasqui::fleet::v1::WatchFleetResponse& former, SortBy by);

// Prepares `former`, empty at first, for the snapshot `next` after `last`: a worker that has
// reported since is there as it was in `last`, another as before.
void KeepReports(const chasqui::fleet::v1::WatchFleetResponse& last,
                 const chasqui::fleet::v1::WatchFleetResponse& next,
                 chasqui::fleet::v1::WatchFleetResponse& former);

}  // namespace chasqui::cli
