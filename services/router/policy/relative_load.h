// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>

#include "services/router/policy/policy.h"

namespace chasqui::router {

// How loaded candidates would be with one request more, for their capacity. Capacity is slots times
// warmth times relative speed; speed is tokens a second for each slot, and counts only when all
// candidates have measured theirs. Workers less than twice slower than the fastest count as equally
// fast: so much do measurements of equal machines differ, and equal workers must share equally.
class RelativeLoad {
 public:
  explicit RelativeLoad(std::span<const Candidate> candidates) {
    for (const Candidate& candidate : candidates) {
      const double speed = SlotSpeed(candidate);
      if (!(speed > 0)) {
        fastest_ = 0;
        return;
      }
      fastest_ = std::max(fastest_, speed);
    }
  }

  double operator()(const Candidate& candidate) const {
    return (candidate.load + 1.0) / Capacity(candidate);
  }

 private:
  static double SlotSpeed(const Candidate& candidate) {
    return candidate.tokens_per_second / candidate.slots;
  }

  double Capacity(const Candidate& candidate) const {
    const double slots = candidate.slots * candidate.warmth;
    if (fastest_ == 0) return slots;
    const double relative = SlotSpeed(candidate) / fastest_;
    return relative > kEquallyFast ? slots : slots * relative;
  }

  static constexpr double kEquallyFast = 0.5;

  // Speed of the fastest slot; 0 when any candidate has not measured its own.
  double fastest_ = 0;
};

}  // namespace chasqui::router
