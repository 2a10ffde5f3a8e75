// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cache/memory/trace.h"

#include <algorithm>
#include <cmath>

namespace chasqui::bench {

Zipf::Zipf(std::size_t count, double exponent) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sums_.push_back(sum += std::pow(static_cast<double>(i + 1), -exponent));
  }
  for (double& each : sums_) each /= sum;
}

std::size_t Zipf::Draw(std::mt19937_64& random) const {
  const double place = std::uniform_real_distribution<>(0, 1)(random);
  const auto it = std::ranges::lower_bound(sums_, place);
  return std::min<std::size_t>(it - sums_.begin(), sums_.size() - 1);
}

Trace MakeTrace(const TraceOptions& options) {
  std::mt19937_64 random(options.seed);
  std::lognormal_distribution<> bytes(std::log(4000), 1);
  std::lognormal_distribution<> seconds_per_byte(std::log(0.002), 1);
  Trace trace;
  const auto add = [&] {
    const auto size = static_cast<std::size_t>(std::clamp(bytes(random), 200.0, 100'000.0));
    trace.items.push_back(
        {.bytes = size, .cost_seconds = seconds_per_byte(random) * static_cast<double>(size)});
    trace.footprint_bytes += size;
  };
  for (std::size_t i = 0; i < options.items; ++i) add();
  const Zipf zipf(options.items, options.exponent);
  for (std::size_t i = 0; i < options.requests; ++i) {
    trace.requests.push_back(static_cast<std::uint32_t>(zipf.Draw(random)));
    if ((i + 1) % options.scan_every != 0) continue;
    for (std::size_t k = 0; k < options.scan_items; ++k) {
      trace.requests.push_back(static_cast<std::uint32_t>(trace.items.size()));
      add();
    }
  }
  return trace;
}

}  // namespace chasqui::bench
