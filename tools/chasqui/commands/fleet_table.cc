// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/fleet_table.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::ModelLoad;
using chasqui::fleet::v1::ModelQueue;
using chasqui::fleet::v1::WatchFleetResponse;
using chasqui::fleet::v1::Worker;
using google::protobuf::util::TimeUtil;

std::string StateText(const Worker& worker) {
  const std::string name = chasqui::fleet::v1::WorkerState_Name(worker.state());
  return std::string(absl::StripPrefix(name, "WORKER_STATE_"));
}

std::string PercentText(uint32_t part, uint32_t whole) {
  return whole == 0 ? "-" : absl::StrFormat("%.0f%%", 100.0 * part / whole);
}

std::string RateText(double per_second) { return per_second == 0 ? "-" : CountText(per_second); }

void AddWorker(const Worker& worker, Table& table) {
  const auto row = [&](const ModelLoad& load) {
    table.Add({worker.worker_id(), StateText(worker), load.model().empty() ? "-" : load.model(),
               absl::StrCat(worker.in_flight()), absl::StrCat(load.active(), "/", load.slots()),
               PercentText(load.kv_used_tokens(), load.kv_tokens()),
               RateText(load.decode_tokens_per_second()),
               absl::StrFormat("%.1f", worker.load().cpu_cores()),
               BytesText(static_cast<double>(worker.load().resident_bytes())), worker.address(),
               worker.version()});
  };
  for (const ModelLoad& load : worker.load().models()) row(load);
  if (worker.load().models().empty()) row(ModelLoad());
}

}  // namespace

std::string WorkersText(const google::protobuf::RepeatedPtrField<Worker>& workers) {
  Table table({"WORKER", "STATE", "MODEL", "RUNNING", "ACTIVE", "KV", "TOK/S", "CORES", "MEMORY",
               "ADDRESS", "VERSION"});
  for (const Worker& worker : workers) AddWorker(worker, table);
  return table.Text();
}

std::string SnapshotText(const WatchFleetResponse& snapshot) {
  std::string text = absl::StrCat("router ", snapshot.router_id(), "  ",
                                  TimeUtil::ToString(snapshot.snapshot_time()), "\n",
                                  WorkersText(snapshot.workers()));
  if (snapshot.queues().empty()) return text;
  Table table({"QUEUE OF", "WAITING", "OLDEST", "RUNNING", "REFUSED"});
  for (const ModelQueue& queue : snapshot.queues()) {
    table.Add({queue.model(), absl::StrCat(queue.queued()),
               absl::StrCat(TimeUtil::DurationToMilliseconds(queue.oldest_wait()), " ms"),
               absl::StrCat(queue.running()), absl::StrCat(queue.refused_total())});
  }
  return absl::StrCat(text, "\n", table.Text());
}

std::string SnapshotLine(const WatchFleetResponse& snapshot) {
  std::string line = TimeUtil::ToString(snapshot.snapshot_time());
  for (const Worker& worker : snapshot.workers()) {
    absl::StrAppend(&line, "  ", worker.worker_id(), "=", StateText(worker), ":",
                    worker.in_flight());
  }
  for (const ModelQueue& queue : snapshot.queues()) {
    absl::StrAppend(&line, "  ", queue.model(), " waiting=", queue.queued(),
                    " running=", queue.running());
  }
  return line;
}

}  // namespace chasqui::cli
