// SPDX-License-Identifier: Apache-2.0
#include "tools/load/samples.h"

#include <algorithm>
#include <cmath>

namespace chasqui::load {

std::optional<time::Duration> Samples::Mean() const {
  if (samples_.empty()) return std::nullopt;
  time::Duration sum{};
  for (time::Duration sample : samples_) sum += sample;
  return sum / static_cast<int64_t>(samples_.size());
}

std::optional<time::Duration> Samples::Percentile(double percent) const {
  if (samples_.empty()) return std::nullopt;
  std::vector<time::Duration> sorted = samples_;
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::ranges::nth_element(sorted, sorted.begin() + index);
  return sorted[static_cast<size_t>(index)];
}

}  // namespace chasqui::load
