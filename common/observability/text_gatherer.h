// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/periodic.h"
#include "common/time/clock.h"

namespace chasqui::observability {

// Gathers texts and hands them on together, so that each costs who adds it a copy and nothing else.
// What is left is handed on when it ends. Internal to common/observability. Thread-safe.
class TextGatherer {
 public:
  // Calls `hand_on` on a thread of its own, every `delay` if there is something. At most
  // `max_bytes` are held: what does not fit is dropped and counted.
  TextGatherer(time::Duration delay, std::size_t max_bytes,
               absl::AnyInvocable<void(std::string)> hand_on);
  TextGatherer(const TextGatherer&) = delete;
  TextGatherer& operator=(const TextGatherer&) = delete;
  ~TextGatherer();

  void Add(std::string_view text);

  // Texts that did not fit.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void HandOn();

  const std::size_t max_bytes_;
  absl::AnyInvocable<void(std::string)> hand_on_;  // confined to the thread, and to its end
  std::atomic<std::uint64_t> dropped_ = 0;
  absl::Mutex mutex_;
  std::string gathered_ ABSL_GUARDED_BY(mutex_);
  std::optional<concurrency::Periodic> thread_;
};

}  // namespace chasqui::observability
