// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/fleet_view.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include <google/protobuf/util/time_util.h>

#include "absl/strings/strip.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::ModelLoad;
using chasqui::fleet::v1::ModelQueue;
using chasqui::fleet::v1::WatchFleetResponse;
using chasqui::fleet::v1::Worker;
using google::protobuf::util::TimeUtil;

constexpr std::array<std::string_view, 4> kSortNames = {"worker", "load", "tokens/s", "KV"};

// The same life of the worker in the snapshot before; null: there is none.
const Worker* Find(const WatchFleetResponse& snapshot, const Worker& worker) {
  for (const Worker& other : snapshot.workers()) {
    if (other.worker_id() == worker.worker_id() && other.incarnation() == worker.incarnation()) {
      return &other;
    }
  }
  return nullptr;
}

// What was generated between the two reports, in tokens a second.
double RateBetween(const Worker* former, const Worker& now, const ModelLoad& load) {
  if (former == nullptr) return 0;
  const double seconds =
      static_cast<double>(TimeUtil::TimestampToMicroseconds(now.load_time()) -
                          TimeUtil::TimestampToMicroseconds(former->load_time())) /
      1e6;
  for (const ModelLoad& before : former->load().models()) {
    if (before.model() != load.model() || seconds <= 0 ||
        before.generated_tokens_total() > load.generated_tokens_total()) {
      continue;
    }
    return static_cast<double>(load.generated_tokens_total() - before.generated_tokens_total()) /
           seconds;
  }
  return 0;
}

template <typename Device>
void TakeDevice(const Device& device, WorkerRow& row) {
  if (device.has_temperature_celsius()) {
    row.temperature = std::max(row.temperature.value_or(device.temperature_celsius()),
                               device.temperature_celsius());
  }
  if (device.has_utilization()) {
    row.utilization = std::max(row.utilization.value_or(0), device.utilization());
  }
}

WorkerRow RowOf(const Worker& worker, const ModelLoad& load, const Worker* former) {
  const std::string state = chasqui::fleet::v1::WorkerState_Name(worker.state());
  WorkerRow row{.worker_id = worker.worker_id(),
                .state = std::string(absl::StripPrefix(state, "WORKER_STATE_")),
                .model = load.model(),
                .running = worker.in_flight(),
                .active = load.active(),
                .slots = load.slots(),
                .kv = {},
                .tokens_per_second = RateBetween(former, worker, load),
                .memory_bytes = worker.load().resident_bytes(),
                .temperature = {},
                .utilization = {}};
  if (load.kv_tokens() > 0) {
    row.kv = static_cast<double>(load.kv_used_tokens()) / load.kv_tokens();
  }
  for (const auto& device : worker.devices()) TakeDevice(device, row);
  return row;
}

bool Later(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return TimeUtil::TimestampToNanoseconds(a) > TimeUtil::TimestampToNanoseconds(b);
}

// The greatest first, but for names.
std::tuple<double, std::string_view, std::string_view> OrderOf(const WorkerRow& row, SortBy by) {
  double key = 0;
  if (by == SortBy::kLoad && row.slots > 0) key = -static_cast<double>(row.active) / row.slots;
  if (by == SortBy::kRate) key = -row.tokens_per_second;
  if (by == SortBy::kKv) key = -row.kv.value_or(0);
  return {key, row.worker_id, row.model};
}

}  // namespace

std::string SortName(SortBy by) { return std::string(kSortNames[static_cast<std::size_t>(by)]); }

SortBy NextSort(SortBy by) {
  return static_cast<SortBy>((static_cast<std::size_t>(by) + 1) % kSortNames.size());
}

FleetView ViewOf(const WatchFleetResponse& now, const WatchFleetResponse& former, SortBy by) {
  FleetView view{.router_id = now.router_id(),
                 .time = TimeUtil::ToString(now.snapshot_time()),
                 .workers = {},
                 .queues = {},
                 .totals = {}};
  for (const Worker& worker : now.workers()) {
    ++view.totals.workers;
    if (worker.state() == chasqui::fleet::v1::WORKER_STATE_READY) ++view.totals.ready;
    const Worker* before = Find(former, worker);
    for (const ModelLoad& load : worker.load().models()) {
      view.workers.push_back(RowOf(worker, load, before));
      view.totals.active += load.active();
      view.totals.slots += load.slots();
      view.totals.tokens_per_second += RateBetween(before, worker, load);
    }
    if (worker.load().models().empty()) {
      view.workers.push_back(RowOf(worker, ModelLoad(), before));
    }
  }
  std::ranges::sort(view.workers, {}, [by](const WorkerRow& row) { return OrderOf(row, by); });
  for (const ModelQueue& queue : now.queues()) {
    view.queues.push_back({.model = queue.model(),
                           .waiting = queue.queued(),
                           .oldest_ms = TimeUtil::DurationToMilliseconds(queue.oldest_wait()),
                           .running = queue.running(),
                           .refused = queue.refused_total()});
    view.totals.waiting += queue.queued();
  }
  return view;
}

void KeepReports(const WatchFleetResponse& last, const WatchFleetResponse& next,
                 WatchFleetResponse& former) {
  WatchFleetResponse kept;
  for (const Worker& worker : last.workers()) {
    const Worker* now = Find(next, worker);
    if (now == nullptr) continue;
    const Worker* before = Find(former, worker);
    if (Later(now->load_time(), worker.load_time())) before = &worker;
    if (before != nullptr) *kept.add_workers() = *before;
  }
  former = std::move(kept);
}

}  // namespace chasqui::cli
