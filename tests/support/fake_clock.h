// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace chasqui::testing {

// A clock that stands still until the test moves it. Useful for rate limits, breakers, timeouts of
// pure code, and whatever else takes a Clock; not for timers of an rpc::Loop, which wait for real.
// Thread-safe.
class FakeClock final : public time::Clock {
 public:
  // Some time that is neither zero nor now.
  FakeClock() : steady_(std::chrono::hours(1000)), system_(std::chrono::hours(500'000)) {}

  time::SteadyTime SteadyNow() const override {
    absl::MutexLock lock(mutex_);
    return steady_;
  }

  time::SystemTime SystemNow() const override {
    absl::MutexLock lock(mutex_);
    return system_;
  }

  // Moves both clocks.
  void Advance(time::Duration by) {
    absl::MutexLock lock(mutex_);
    steady_ += by;
    system_ += by;
  }

  // Moves the system clock alone, as an administrator or NTP may.
  void JumpSystem(time::Duration by) {
    absl::MutexLock lock(mutex_);
    system_ += by;
  }

 private:
  mutable absl::Mutex mutex_;
  time::SteadyTime steady_ ABSL_GUARDED_BY(mutex_);
  time::SystemTime system_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::testing
