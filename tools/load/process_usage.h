// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/clock.h"

namespace chasqui::load {

// What processes have used so far.
struct ProcessUsage {
  time::Duration cpu{};  // user and system time of all threads, those that have ended included
  uint64_t resident_bytes = 0;
};

// The sum over `pids`. NOT_FOUND names a process that is gone.
absl::StatusOr<ProcessUsage> ReadUsage(const std::vector<int>& pids);

}  // namespace chasqui::load
