// SPDX-License-Identifier: Apache-2.0
#include "services/cache/warming/spare_capacity.h"

#include <algorithm>

namespace chasqui::cache {

bool HasSpare(const fleet::v1::WatchFleetResponse& fleet, std::string_view model,
              std::uint32_t idle_percent) {
  for (const fleet::v1::ModelQueue& queue : fleet.queues()) {
    if (queue.model() == model && queue.queued() > 0) return false;
  }
  std::uint64_t slots = 0;
  std::uint64_t idle = 0;
  for (const fleet::v1::Worker& worker : fleet.workers()) {
    if (worker.state() != fleet::v1::WORKER_STATE_READY) continue;
    for (const fleet::v1::ModelLoad& load : worker.load().models()) {
      if (load.model() != model) continue;
      slots += load.slots();
      idle += load.slots() - std::min(load.slots(), load.active());
    }
  }
  return idle > 0 && idle * 100 >= slots * idle_percent;
}

}  // namespace chasqui::cache
