// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "common/time/clock.h"

namespace chasqui::router {

// How many requests of a model end a second: an exponentially weighted count over about half a
// minute, which forgets a pause as fast as it learned the rate before. Thread-compatible.
class CompletionRate {
 public:
  void Add(time::SteadyTime now);

  // Completions a second; 0 when there were none lately.
  double PerSecond(time::SteadyTime now) const;

 private:
  double weight_ = 0;  // completions, each weighted by its age, as of last_
  time::SteadyTime first_;
  time::SteadyTime last_;
};

// When a request refused by a full queue should come back: when as many as wait now will have been
// served, going by the rate; at least `least`, at most five minutes.
std::chrono::milliseconds EstimateRetryDelay(std::size_t waiting, double completions_per_second,
                                             std::chrono::milliseconds least);

}  // namespace chasqui::router
