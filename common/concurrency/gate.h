// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace chasqui::concurrency {

// Counts who is inside, so that a service can be drained: whoever works holds a Pass; a closed gate
// lets nobody in; the drain waits until all passes are gone. Outlives its passes. Thread-safe.
// Entering and leaving an open gate is one atomic operation each.
class Gate {
 public:
  // Keeps its holder counted until destroyed.
  class [[nodiscard]] Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr) gate_->Leave();
    }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Gate* gate_;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate();

  // Nothing once the gate is closed.
  std::optional<Pass> Enter();

  // From now on Enter() gives nothing. Idempotent.
  void Close();

  bool closed() const { return (state_.load(std::memory_order_acquire) & kClosed) != 0; }
  int64_t inside() const { return state_.load(std::memory_order_acquire) >> 1; }

  // Blocks until nobody is inside, at most for `timeout`; whether it became empty. The gate must be
  // closed.
  bool WaitUntilEmpty(time::Duration timeout);

 private:
  static constexpr int64_t kClosed = 1;
  static constexpr int64_t kOne = 2;

  void Leave();

  std::atomic<int64_t> state_ = 0;  // twice the number inside, plus kClosed
  absl::Mutex mutex_;
  bool empty_ ABSL_GUARDED_BY(mutex_) = false;  // closed, and the last one has left
};

}  // namespace chasqui::concurrency
