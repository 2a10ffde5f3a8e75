// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"
#include "services/inference-worker/engine/generation.h"

namespace chasqui::worker {

// Between the engine's thread, which puts events in, and the reader of one answer. Shared by both.
// The engine asks full() before a step that could add to it, and lets the sequence pause.
// Thread-safe.
class GenerationChannel {
 public:
  // `wake` makes the engine look again; it is called when the answer is cancelled, and when a full
  // channel is half empty.
  GenerationChannel(std::uint64_t tag, std::size_t capacity, std::function<void()> wake);

  std::uint64_t tag() const { return tag_; }

  // The engine's end.
  void Put(GenerationEvent event);
  bool full() const { return size_.load(std::memory_order_relaxed) >= capacity_; }
  bool cancelled() const { return cancelled_at() != time::SteadyTime(); }
  // The clock's first moment when it is not.
  time::SteadyTime cancelled_at() const { return cancelled_at_.load(std::memory_order_relaxed); }

  // The reader's end.
  std::optional<GenerationEvent> Take();
  void Cancel();

 private:
  const std::uint64_t tag_;
  const std::size_t capacity_;
  const std::function<void()> wake_;
  std::atomic<std::size_t> size_ = 0;
  std::atomic<time::SteadyTime> cancelled_at_ = time::SteadyTime();
  absl::Mutex mutex_;
  std::deque<GenerationEvent> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
