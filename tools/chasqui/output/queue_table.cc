// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/queue_table.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::ModelQueue;
using chasqui::inference::v1::GetQueuePositionResponse;
using google::protobuf::util::TimeUtil;

std::string WaitingAt(const ModelQueue& queue, chasqui::inference::v1::Priority priority) {
  for (const auto& part : queue.priorities()) {
    if (part.priority() == priority) return absl::StrCat(part.queued());
  }
  return "0";
}

std::string MillisecondsText(const google::protobuf::Duration& duration) {
  return absl::StrCat(TimeUtil::DurationToMilliseconds(duration), " ms");
}

}  // namespace

std::string QueuesText(const google::protobuf::RepeatedPtrField<ModelQueue>& queues) {
  Table table({"MODEL", "RUNNING", "WAITING", "HIGH", "NORMAL", "LOW", "TOKENS", "OLDEST",
               "REFUSED", "DISPLACED", "TOO LATE", "WORKER"});
  for (const ModelQueue& queue : queues) {
    table.Add({queue.model(), absl::StrCat(queue.running()), absl::StrCat(queue.queued()),
               WaitingAt(queue, chasqui::inference::v1::PRIORITY_HIGH),
               WaitingAt(queue, chasqui::inference::v1::PRIORITY_NORMAL),
               WaitingAt(queue, chasqui::inference::v1::PRIORITY_LOW),
               CountText(static_cast<double>(queue.queued_tokens())),
               MillisecondsText(queue.oldest_wait()), absl::StrCat(queue.refused_total()),
               absl::StrCat(queue.displaced_total()), absl::StrCat(queue.deadline_refused_total()),
               queue.waits_for_worker() ? "awaited" : "-"});
  }
  return table.Text();
}

std::string PositionText(const GetQueuePositionResponse& position) {
  switch (position.state()) {
    case chasqui::inference::v1::QUEUE_STATE_RUNNING:
      return "running\n";
    case chasqui::inference::v1::QUEUE_STATE_WAITING: {
      const std::string wait =
          position.has_estimated_wait()
              ? absl::StrCat(", a slot in about ", MillisecondsText(position.estimated_wait()))
              : "";
      return absl::StrCat("waiting: number ", position.position(), ", ", position.tokens_ahead(),
                          " tokens before it", wait, "\n");
    }
    default:
      return "unknown: it has ended, has not come yet, or is at another router\n";
  }
}

}  // namespace chasqui::cli
