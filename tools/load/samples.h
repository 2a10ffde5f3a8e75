// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/time/clock.h"

namespace chasqui::load {

// Measured times, all of them, so that percentiles are exact. Thread-compatible.
class Samples {
 public:
  void Add(time::Duration sample) { samples_.push_back(sample); }
  void Clear() { samples_.clear(); }

  size_t size() const { return samples_.size(); }

  // Nothing without samples.
  std::optional<time::Duration> Mean() const;
  // The smallest sample that at least `percent` of all do not exceed (nearest rank); `percent`
  // above 0 and at most 100.
  std::optional<time::Duration> Percentile(double percent) const;

 private:
  std::vector<time::Duration> samples_;
};

}  // namespace chasqui::load
