// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer.h"
#include "services/cache/generation/generations.h"
#include "services/cache/memory/memory_tier.h"
#include "services/cache/metrics/cache_metrics.h"
#include "services/cache/store/placement.h"
#include "services/cache/tier/tier.h"

namespace chasqui::cache {

// The tiers as one: looks from the top down, brings what it finds up, and gives only what is valid.
// A tier that fails is as if it had nothing. Owned by the CacheServer. Thread-safe.
class AnswerStore {
 public:
  struct Tiers {
    MemoryTier* memory = nullptr;  // null: there is none
    Tier* redis = nullptr;
    Tier* disk = nullptr;
  };
  // What has happened in a tier, beside what it counts itself.
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t invalid = 0;
  };
  struct Hit {
    AnswerPtr answer;
    v1::Tier tier;
  };

  // All outlive it. `hears`: whether it is known what replicas invalidate; while it is not,
  // everything is a miss.
  AnswerStore(Tiers tiers, const Generations& generations, std::function<bool()> hears,
              const time::Clock& clock, CacheMetrics& metrics);

  // What is in memory. Null: nothing valid.
  AnswerPtr InMemory(const AnswerKey& key);
  // What is in Redis or on disk; it is in the tiers above from then on.
  rpc::Task<std::optional<Hit>> Below(rpc::Loop& loop, AnswerKey key);
  // As InMemory(), but counts nothing.
  std::optional<Hit> PeekMemory(const AnswerKey& key) const;
  // What is anywhere; changes and counts nothing.
  rpc::Task<std::optional<Hit>> Peek(rpc::Loop& loop, AnswerKey key);

  // Puts a new answer where its priority says; waits until every one of those tiers has
  // acknowledged it or failed. Tells which did.
  rpc::Task<std::vector<v1::Tier>> Remember(rpc::Loop& loop, AnswerPtr answer);

  // Frees the room of an answer that is invalid.
  void Remove(const AnswerKey& key);

  // Frees all memory of the tier in memory.
  void ClearMemory();

  Counts counts(v1::Tier tier) const;
  const Tiers& tiers() const { return tiers_; }

 private:
  struct Counters {
    std::atomic<std::uint64_t> hits = 0;
    std::atomic<std::uint64_t> misses = 0;
    std::atomic<std::uint64_t> invalid = 0;
  };

  rpc::Task<std::optional<Hit>> Look(rpc::Loop& loop, AnswerKey key, bool counts);
  rpc::Task<AnswerPtr> Ask(rpc::Loop& loop, Tier& tier, v1::Tier name, AnswerKey key, bool counts);
  void Promote(const Hit& hit);
  void Count(v1::Tier tier, bool hit);
  bool IsValid(const StoredAnswer& answer) const;

  const Tiers tiers_;
  const Generations& generations_;
  const std::function<bool()> hears_;
  const time::Clock& clock_;
  CacheMetrics& metrics_;
  std::array<Counters, 4> counters_;  // by v1::Tier
};

}  // namespace chasqui::cache
