// SPDX-License-Identifier: Apache-2.0
#include "services/cache/memory/memory_tier.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace chasqui::cache {
namespace {

constexpr std::size_t kLargestPart = 4;

}  // namespace

MemoryTier::MemoryTier(const Options& options)
    : options_(options), shard_bytes_(options.max_bytes / options.shards) {
  for (std::uint32_t i = 0; i < options.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(shard_bytes_, options.weigh_cost));
  }
}

AnswerPtr MemoryTier::Get(const AnswerKey& key, time::SystemTime now) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(shard.mutex);
  const Held* held = shard.answers.Find(key);
  if (held == nullptr) return nullptr;
  if (ToMicros(now) < held->expires_us) return held->answer;
  ++shard.expired;
  shard.answers.Erase(key);
  return nullptr;
}

bool MemoryTier::Put(AnswerPtr answer, time::SystemTime now) {
  const AnswerKey key = KeyOf(*answer);
  const std::size_t bytes = MemoryBytes(*answer);
  const std::int64_t expires =
      std::min<std::int64_t>(answer->expires_us(), ToMicros(now + options_.max_ttl));
  const auto cost = static_cast<double>(answer->cost_us());
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(shard.mutex);
  if (bytes > shard_bytes_ / kLargestPart) {
    shard.answers.Erase(key);
    return false;
  }
  ++shard.stores;
  shard.answers.Insert(key, {.answer = std::move(answer), .expires_us = expires}, bytes, cost);
  return true;
}

void MemoryTier::Remove(const AnswerKey& key) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(shard.mutex);
  shard.answers.Erase(key);
}

void MemoryTier::Clear() {
  for (const auto& shard : shards_) {
    absl::MutexLock lock(shard->mutex);
    shard->answers.Clear();
  }
}

TierCounts MemoryTier::counts() const {
  TierCounts counts{.max_bytes = options_.max_bytes};
  for (const auto& shard : shards_) {
    absl::MutexLock lock(shard->mutex);
    counts.entries += shard->answers.size();
    counts.used_bytes += shard->answers.bytes();
    counts.stores += shard->stores;
    counts.evicted_for_room += shard->answers.evictions();
    counts.expired += shard->expired;
  }
  return counts;
}

}  // namespace chasqui::cache
