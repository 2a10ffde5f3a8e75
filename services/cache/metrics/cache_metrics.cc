// SPDX-License-Identifier: Apache-2.0
#include "services/cache/metrics/cache_metrics.h"

namespace chasqui::cache {

std::string_view TierName(v1::Tier tier) {
  switch (tier) {
    case v1::TIER_MEMORY:
      return "memory";
    case v1::TIER_REDIS:
      return "redis";
    case v1::TIER_DISK:
      return "disk";
    default:
      return "none";
  }
}

CacheMetrics::CacheMetrics(observability::Metrics& metrics)
    : outcomes(metrics.AddCounters("chasqui_cache_requests_total",
                                   "Requests for answers, by what became of them: hit, follow, "
                                   "lead, alone, miss.",
                                   {"outcome"})),
      lookups(metrics.AddCounters("chasqui_cache_lookups_total", "Lookups in a tier: hit or miss.",
                                  {"tier", "result"})),
      seconds(metrics.AddHistograms("chasqui_cache_lookup_seconds", "Time of lookups in a tier.",
                                    observability::kRpcSeconds, {"tier"})),
      evictions(metrics.AddGauges("chasqui_cache_evictions_total",
                                  "Answers that left a tier: for room, expired, damaged, invalid.",
                                  {"tier", "reason"})),
      stores(
          metrics.AddGauges("chasqui_cache_stores_total", "Answers written to a tier.", {"tier"})),
      errors(metrics.AddGauges("chasqui_cache_errors_total", "Operations of a tier that failed.",
                               {"tier"})),
      available(metrics.AddGauges("chasqui_cache_tier_available",
                                  "Whether a tier is used: 0 while it is left alone because it "
                                  "failed.",
                                  {"tier"})),
      bytes(metrics.AddGauges("chasqui_cache_bytes", "Bytes of the answers in a tier.", {"tier"})),
      entries(metrics.AddGauges("chasqui_cache_entries", "Answers in a tier.", {"tier"})),
      saved_tokens(metrics.AddCounters("chasqui_cache_saved_tokens_total",
                                       "Tokens that were not computed again: prompt, completion.",
                                       {"kind"})),
      saved_prompt_tokens(saved_tokens.With({"prompt"})),
      saved_completion_tokens(saved_tokens.With({"completion"})),
      saved_seconds(metrics.AddCounter("chasqui_cache_saved_seconds_total",
                                       "What computing them again would have taken.")),
      coalesced(metrics.AddCounter("chasqui_cache_coalesced_total",
                                   "Requests that shared another's generation.")),
      promoted(metrics.AddGauge("chasqui_cache_promoted_total",
                                "Followers that took over from a leader that was lost.")),
      flights(metrics.AddGauge("chasqui_cache_flights", "Generations that are shared now.")),
      followers(metrics.AddGauge("chasqui_cache_followers", "Requests that follow one now.")),
      flight_bytes(metrics.AddGauge("chasqui_cache_flight_bytes",
                                    "Bytes of the events of generations under way.")),
      invalidations(metrics.AddCounter("chasqui_cache_invalidations_total",
                                       "Names that were invalidated through this replica.")),
      warmed(metrics.AddCounters("chasqui_cache_warmed_total",
                                 "Requests answered in advance, by why (asked, predicted) and "
                                 "result (generated, remembered, failed).",
                                 {"cause", "result"})),
      hears_replicas(metrics.AddGauge("chasqui_cache_hears_replicas",
                                      "Whether invalidations of other replicas are heard, by "
                                      "Redis: 1 or 0; 1 without Redis.")) {
  for (const v1::Tier tier : {v1::TIER_MEMORY, v1::TIER_REDIS, v1::TIER_DISK}) {
    lookups_by_tier_.at(tier) = {&lookups.With({TierName(tier), "miss"}),
                                 &lookups.With({TierName(tier), "hit"})};
    seconds_by_tier_.at(tier) = &seconds.With({TierName(tier)});
  }
  static constexpr std::array<std::string_view, 6> kOutcomes = {"other", "hit",   "follow",
                                                                "lead",  "alone", "miss"};
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    by_outcome_.at(i) = &outcomes.With({kOutcomes.at(i)});
  }
}

}  // namespace chasqui::cache
