// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/observability/metrics.h"

namespace chasqui::cache {

// "memory", "redis", "disk".
std::string_view TierName(v1::Tier tier);

// The cache service's metrics. Owned by the CacheServer; thread-safe.
struct CacheMetrics {
  explicit CacheMetrics(observability::Metrics& metrics);

  observability::Counter& Lookup(v1::Tier tier, bool hit) {
    return *lookups_by_tier_.at(tier).at(hit ? 1 : 0);
  }
  observability::Histogram& Seconds(v1::Tier tier) { return *seconds_by_tier_.at(tier); }
  observability::Counter& Outcome(v1::Outcome outcome) { return *by_outcome_.at(outcome); }

  observability::MetricFamily<observability::Counter>& outcomes;      // outcome
  observability::MetricFamily<observability::Counter>& lookups;       // tier, result
  observability::MetricFamily<observability::Histogram>& seconds;     // tier
  observability::MetricFamily<observability::Gauge>& evictions;       // tier, reason
  observability::MetricFamily<observability::Gauge>& stores;          // tier
  observability::MetricFamily<observability::Gauge>& errors;          // tier
  observability::MetricFamily<observability::Gauge>& available;       // tier
  observability::MetricFamily<observability::Gauge>& bytes;           // tier
  observability::MetricFamily<observability::Gauge>& entries;         // tier
  observability::MetricFamily<observability::Counter>& saved_tokens;  // kind
  observability::Counter& saved_prompt_tokens;
  observability::Counter& saved_completion_tokens;
  observability::Counter& saved_seconds;
  observability::Counter& coalesced;
  observability::Gauge& promoted;
  observability::Gauge& flights;
  observability::Gauge& followers;
  observability::Gauge& flight_bytes;
  observability::Counter& invalidations;
  observability::MetricFamily<observability::Counter>& warmed;  // cause, result
  observability::Gauge& hears_replicas;

 private:
  std::array<std::array<observability::Counter*, 2>, 4> lookups_by_tier_;
  std::array<observability::Histogram*, 4> seconds_by_tier_;
  std::array<observability::Counter*, 6> by_outcome_;
};

}  // namespace chasqui::cache
