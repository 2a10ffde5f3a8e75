// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/completion_rate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace chasqui::router {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kMemory{30};
constexpr std::chrono::milliseconds kLongest = std::chrono::minutes(5);

}  // namespace

void CompletionRate::Add(time::SteadyTime now) {
  if (weight_ == 0) first_ = now;
  weight_ = weight_ * std::exp(-Seconds(now - last_) / kMemory) + 1;
  last_ = now;
}

double CompletionRate::PerSecond(time::SteadyTime now) const {
  if (weight_ == 0) return 0;
  // The weights seen so far sum to what a time as long as this would have been able to gather, so
  // that the rate is right from the start and not only after the memory has filled.
  const Seconds seen = std::max(Seconds(now - first_), Seconds(1));
  const Seconds effective = kMemory * (1 - std::exp(-seen / kMemory));
  return weight_ * std::exp(-Seconds(now - last_) / kMemory) / effective.count();
}

std::chrono::milliseconds EstimateRetryDelay(std::size_t waiting, double completions_per_second,
                                             std::chrono::milliseconds least) {
  if (!(completions_per_second > 0)) return least;
  const double ms = std::min(1000.0 * static_cast<double>(waiting) / completions_per_second,
                             static_cast<double>(kLongest.count()));
  return std::max(least, std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(ms))));
}

}  // namespace chasqui::router
