// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/generation_channel.h"

#include <utility>

namespace chasqui::worker {

GenerationChannel::GenerationChannel(std::uint64_t tag, std::size_t capacity,
                                     std::function<void()> wake)
    : tag_(tag), capacity_(capacity), wake_(std::move(wake)) {}

void GenerationChannel::Put(GenerationEvent event) {
  const absl::MutexLock lock(mutex_);
  events_.push_back(std::move(event));
  size_.store(events_.size(), std::memory_order_relaxed);
}

std::optional<GenerationEvent> GenerationChannel::Take() {
  std::optional<GenerationEvent> event;
  bool drained = false;
  {
    const absl::MutexLock lock(mutex_);
    if (events_.empty()) return std::nullopt;
    event = std::move(events_.front());
    events_.pop_front();
    size_.store(events_.size(), std::memory_order_relaxed);
    // Exactly once on the way down. While the channel fills, the engine runs and looks anyway.
    drained = events_.size() == capacity_ / 2;
  }
  if (drained) wake_();
  return event;
}

void GenerationChannel::Cancel() {
  auto never = time::SteadyTime();
  if (cancelled_at_.compare_exchange_strong(never, time::SteadyNow())) wake_();
}

}  // namespace chasqui::worker
