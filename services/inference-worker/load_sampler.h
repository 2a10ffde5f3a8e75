// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace chasqui::worker {

// Memory and processor time of this process, for load reports. Reading again within half a second
// gives the same rate. Thread-safe.
class LoadSampler {
 public:
  struct Sample {
    std::uint64_t resident_bytes = 0;
    double cpu_cores = 0;  // 2.0: two cores busy
  };

  Sample Read();

 private:
  absl::Mutex mutex_;
  time::SteadyTime last_time_ ABSL_GUARDED_BY(mutex_){};
  double last_cpu_seconds_ ABSL_GUARDED_BY(mutex_) = 0;
  Sample sample_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
