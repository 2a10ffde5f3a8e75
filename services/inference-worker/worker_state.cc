// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/worker_state.h"

#include <chrono>

#include "common/status/status.h"

namespace chasqui::worker {

absl::Status WorkerState::CheckTakesRequests() const {
  if (!draining.load(std::memory_order_relaxed)) return absl::OkStatus();
  return status::Unavailable("DRAINING", "this worker finishes its requests and takes no more",
                             std::chrono::seconds(1));
}

void WorkerState::SetDraining(bool value) {
  if (draining.exchange(value) == value) return;
  log.Info(value ? "draining" : "taking requests again");
  if (on_change) on_change();
}

}  // namespace chasqui::worker
