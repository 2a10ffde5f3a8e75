// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/time/clock.h"

namespace chasqui::worker {

// Memory and processor time of this process, for load reports. Reading again within half a second
// gives the same rate. Thread-compatible.
class LoadSampler {
 public:
  struct Sample {
    std::uint64_t resident_bytes = 0;
    double cpu_cores = 0;  // 2.0: two cores busy
  };

  Sample Read();

 private:
  time::SteadyTime last_time_{};
  double last_cpu_seconds_ = 0;
  Sample sample_;
};

}  // namespace chasqui::worker
