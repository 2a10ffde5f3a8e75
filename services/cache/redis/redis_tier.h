// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/redis/link.h"
#include "common/resilience/backoff.h"
#include "common/time/clock.h"
#include "services/cache/answer/packing.h"
#include "services/cache/tier/tier.h"

namespace chasqui::cache {

// Answers in Redis, where all replicas find them: a few connections over which the commands of all
// requests are pipelined. A server that is away or late is a miss at once, and is left alone for a
// while; what it answers late is dropped. Owned by the CacheServer. Thread-safe.
class RedisTier final : public Tier {
 public:
  // `clock` outlives it.
  RedisTier(const config::v1::RedisTierConfig& config, const PackingOptions& packing,
            std::size_t max_answer_bytes, const time::Clock& clock, observability::Logger log);
  ~RedisTier() override;

  bool available() const override;
  void Get(const AnswerKey& key, Found found) override;
  void Put(AnswerPtr answer, Done done) override;
  void Remove(const AnswerKey& key) override;
  // Entries and bytes are 0: the server is not asked.
  TierCounts counts() const override;

 private:
  // A lookup that has no answer yet.
  struct Asking {
    std::atomic<bool> answered = false;
    Found found;
    time::SteadyTime deadline;
  };

  std::string NameOf(const AnswerKey& key) const;
  redis::Link::Options LinkOptions(const config::v1::RedisTierConfig& config);
  // The connection for a key; another when it is down, null when all are.
  redis::Link* LinkFor(const AnswerKey& key);
  absl::StatusOr<AnswerPtr> Read(const AnswerKey& key, const redis::ReplyOr& reply);
  void GiveUpLate();
  void Late();
  void InTime();

  const std::string prefix_;
  const PackingOptions packing_;
  const std::size_t max_answer_bytes_;
  const time::Duration timeout_;
  const time::Duration max_ttl_;
  const time::Clock& clock_;
  const observability::Logger log_;

  std::atomic<std::uint64_t> stores_ = 0;
  std::atomic<std::uint64_t> damaged_ = 0;
  std::atomic<std::uint64_t> errors_ = 0;
  // Whether an answer was late and none has come since: until when it is left alone.
  std::atomic<bool> late_ = false;
  mutable absl::Mutex mutex_;
  std::deque<std::shared_ptr<Asking>> asking_ ABSL_GUARDED_BY(mutex_);  // oldest first
  resilience::Backoff pause_ ABSL_GUARDED_BY(mutex_);
  time::SteadyTime left_until_ ABSL_GUARDED_BY(mutex_);
  bool told_away_ ABSL_GUARDED_BY(mutex_) = false;

  // Last: their threads work on all of the above.
  std::vector<std::unique_ptr<redis::Link>> links_;
  std::unique_ptr<concurrency::Periodic> sweeper_;
};

}  // namespace chasqui::cache
