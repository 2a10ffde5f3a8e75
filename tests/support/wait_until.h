// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/functional/function_ref.h"
#include "common/time/clock.h"

namespace chasqui::testing {

// Looks again and again until `holds` is true, for at most twenty seconds; whether it became true.
// For what happens on other threads and tells nobody. A test that passes never waits for long.
inline bool WaitUntil(absl::FunctionRef<bool()> holds,
                      std::chrono::milliseconds at_most = std::chrono::seconds(20)) {
  const auto give_up = time::SteadyNow() + at_most;
  std::mutex mutex;
  std::condition_variable nobody_notifies;
  std::unique_lock lock(mutex);
  while (!holds()) {
    if (time::SteadyNow() >= give_up) return false;
    nobody_notifies.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace chasqui::testing
