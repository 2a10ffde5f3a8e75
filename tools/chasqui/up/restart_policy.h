// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "common/time/clock.h"

namespace chasqui::cli {

// When a process that died is started again. Pure but for its count. Thread-compatible.
class RestartPolicy {
 public:
  // A life at least this long forgives the deaths before it.
  static constexpr time::Duration kGoodLife = std::chrono::seconds(30);
  // So many deaths in a row, each after a shorter life, and it is given up.
  static constexpr uint32_t kMostDeaths = 6;

  // How long to wait after a life of `life`: 250 ms at first, twice as long each time, at most 5 s.
  // Nothing: give up.
  std::optional<time::Duration> Died(time::Duration life);

 private:
  uint32_t deaths_ = 0;
};

}  // namespace chasqui::cli
