// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/refusals.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "google/rpc/error_details.pb.h"

namespace chasqui::router {
namespace {

std::string Milliseconds(time::Duration duration) {
  return absl::StrCat(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

}  // namespace

absl::Status QueueFull(std::string_view model, const Work& waiting,
                       std::chrono::milliseconds retry_delay) {
  return status::ResourceExhausted(
      "QUEUE_FULL",
      absl::StrCat("all slots of model '", model, "' are busy and ", waiting.requests,
                   " requests of about ", waiting.tokens, " tokens wait, as many as may"),
      retry_delay);
}

absl::Status Displaced(std::string_view model, std::chrono::milliseconds retry_delay) {
  return status::ResourceExhausted(
      "DISPLACED",
      absl::StrCat("the queue of model '", model,
                   "' is full, and a request that goes first took the place of this one"),
      retry_delay);
}

absl::Status DeadlineTooClose(std::string_view model, const WaitEstimate& estimate,
                              time::Duration left, std::chrono::milliseconds retry_delay) {
  absl::Status error = status::ResourceExhausted(
      "DEADLINE_TOO_CLOSE",
      absl::StrCat("by the measured rates of model '", model, "' an answer takes about ",
                   Milliseconds(estimate.finish), " ms, of which ", Milliseconds(estimate.start),
                   " in the queue, and the deadline is in ", Milliseconds(left), " ms"),
      retry_delay);
  google::rpc::ErrorInfo info;
  if (!status::GetDetail(error, info)) return error;
  auto& metadata = *info.mutable_metadata();
  metadata["estimated_wait_ms"] = Milliseconds(estimate.start);
  metadata["estimated_total_ms"] = Milliseconds(estimate.finish);
  metadata["time_left_ms"] = Milliseconds(left);
  return status::WithDetail(std::move(error), info);
}

}  // namespace chasqui::router
