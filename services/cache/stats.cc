// SPDX-License-Identifier: Apache-2.0
#include "services/cache/stats.h"

#include <chrono>

#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

using std::chrono::duration;

v1::TierStats Describe(v1::Tier name, bool available, const TierCounts& counts,
                       const AnswerStore& store) {
  const AnswerStore::Counts asked = store.counts(name);
  v1::TierStats stats;
  stats.set_tier(name);
  stats.set_available(available);
  stats.set_entries(counts.entries);
  stats.set_used_bytes(counts.used_bytes);
  stats.set_max_bytes(counts.max_bytes);
  stats.set_hits(asked.hits);
  stats.set_misses(asked.misses);
  stats.set_stores(counts.stores);
  stats.set_evictions(counts.evicted_for_room);
  stats.set_discarded(counts.expired + counts.damaged + asked.invalid);
  stats.set_errors(counts.errors);
  return stats;
}

// Calls `visit(name, available, counts)` for each tier that there is.
template <typename Visit>
void ForEachTier(const AnswerStore::Tiers& tiers, const Visit& visit) {
  if (tiers.memory != nullptr) visit(v1::TIER_MEMORY, true, tiers.memory->counts());
  if (tiers.redis != nullptr) {
    visit(v1::TIER_REDIS, tiers.redis->available(), tiers.redis->counts());
  }
  if (tiers.disk != nullptr) visit(v1::TIER_DISK, tiers.disk->available(), tiers.disk->counts());
}

std::uint64_t ValueOf(const observability::Counter& counter) {
  return static_cast<std::uint64_t>(counter.Value());
}

}  // namespace

v1::GetStatsResponse ReadStats(const LookupCall::Shared& shared) {
  v1::GetStatsResponse stats;
  ForEachTier(shared.store.tiers(), [&](v1::Tier name, bool available, const TierCounts& counts) {
    *stats.add_tiers() = Describe(name, available, counts, shared.store);
  });
  CacheMetrics& metrics = shared.metrics;
  stats.set_hits(ValueOf(metrics.Outcome(v1::OUTCOME_HIT)));
  stats.set_coalesced(ValueOf(metrics.coalesced));
  stats.set_misses(ValueOf(metrics.Outcome(v1::OUTCOME_LEAD)) +
                   ValueOf(metrics.Outcome(v1::OUTCOME_ALONE)) +
                   ValueOf(metrics.Outcome(v1::OUTCOME_MISS)));
  stats.set_flights(static_cast<std::uint32_t>(shared.flights.flights()));
  stats.set_followers(static_cast<std::uint32_t>(shared.flights.followers()));
  stats.set_flight_bytes(shared.flights.bytes());
  stats.set_saved_completion_tokens(ValueOf(metrics.saved_completion_tokens));
  stats.set_saved_prompt_tokens(ValueOf(metrics.saved_prompt_tokens));
  *stats.mutable_saved_time() = service::ToProto(
      std::chrono::duration_cast<time::Duration>(duration<double>(metrics.saved_seconds.Value())));
  stats.set_invalidations(ValueOf(metrics.invalidations));
  stats.set_promoted(shared.flights.promoted());
  return stats;
}

void Collect(const LookupCall::Shared& shared) {
  CacheMetrics& metrics = shared.metrics;
  const auto set = [](observability::Gauge& gauge, auto value) {
    gauge.Set(static_cast<double>(value));
  };
  ForEachTier(shared.store.tiers(), [&](v1::Tier tier, bool available, const TierCounts& counts) {
    const std::string_view name = TierName(tier);
    set(metrics.available.With({name}), available ? 1 : 0);
    set(metrics.entries.With({name}), counts.entries);
    set(metrics.bytes.With({name}), counts.used_bytes);
    set(metrics.stores.With({name}), counts.stores);
    set(metrics.errors.With({name}), counts.errors);
    set(metrics.evictions.With({name, "room"}), counts.evicted_for_room);
    set(metrics.evictions.With({name, "expired"}), counts.expired);
    set(metrics.evictions.With({name, "damaged"}), counts.damaged);
    set(metrics.evictions.With({name, "invalid"}), shared.store.counts(tier).invalid);
  });
  set(metrics.flights, shared.flights.flights());
  set(metrics.followers, shared.flights.followers());
  set(metrics.flight_bytes, shared.flights.bytes());
  set(metrics.promoted, shared.flights.promoted());
}

}  // namespace chasqui::cache
