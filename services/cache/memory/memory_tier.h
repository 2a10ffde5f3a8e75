// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer.h"
#include "services/cache/memory/s3_fifo.h"
#include "services/cache/tier/tier.h"

namespace chasqui::cache {

// Answers in memory, bounded in bytes, in parts with a lock each. Owned by the CacheServer.
// Thread-safe.
class MemoryTier {
 public:
  struct Options {
    std::size_t max_bytes;
    std::uint32_t shards;
    // Longest time an answer stays.
    time::Duration max_ttl;
    // See S3Fifo.
    bool weigh_cost = true;
  };

  explicit MemoryTier(const Options& options);

  // Null when there is none, or one that is expired.
  AnswerPtr Get(const AnswerKey& key, time::SystemTime now);
  // In place of what was there. Whether it was taken: not an answer that would take more than a
  // quarter of a part.
  bool Put(AnswerPtr answer, time::SystemTime now);
  void Remove(const AnswerKey& key);
  void Clear();

  TierCounts counts() const;

 private:
  struct Held {
    AnswerPtr answer;
    std::int64_t expires_us;
  };
  // On lines of its own, so that threads do not slow each other.
  struct alignas(64) Shard {
    Shard(std::size_t max_bytes, bool weigh_cost) : answers(max_bytes, weigh_cost) {}
    mutable absl::Mutex mutex;
    S3Fifo<Held> answers ABSL_GUARDED_BY(mutex);
    std::uint64_t expired ABSL_GUARDED_BY(mutex) = 0;
    std::uint64_t stores ABSL_GUARDED_BY(mutex) = 0;
  };

  // The table within a part goes by the same hash: the parts by its upper half.
  Shard& ShardOf(const AnswerKey& key) { return *shards_[(key.hash() >> 32) % shards_.size()]; }

  const Options options_;
  const std::size_t shard_bytes_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace chasqui::cache
