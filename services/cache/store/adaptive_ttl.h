// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace chasqui::cache {

struct AdaptiveTtlOptions {
  // Bounds of the factor, in percent.
  std::uint32_t least_percent = 50;
  std::uint32_t most_percent = 400;
};

// How long an answer is remembered whose like are asked for again with this rate of hits, 0 to 1:
// `base` at a quarter, least_percent of it at 0, most_percent at 1, and in proportion between.
// Pure.
time::Duration AdaptTtl(time::Duration base, double hit_rate, const AdaptiveTtlOptions& options);

// Rates of hits by model and tenant, as averages in which each lookup weighs a hundredth. Those
// that nobody knows yet are a quarter. Keeps at most `max_classes`; the rest share one.
// Thread-safe.
class HitRates {
 public:
  explicit HitRates(std::size_t max_classes = 10'000) : max_classes_(max_classes) {}

  void Record(std::string_view model, std::string_view tenant, bool hit);
  double Of(std::string_view model, std::string_view tenant) const;

 private:
  const std::size_t max_classes_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, double> rates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
