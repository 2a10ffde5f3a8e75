// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/observability/log.h"
#include "common/redis/pool.h"
#include "common/resilience/backoff.h"
#include "common/time/clock.h"
#include "services/cache/answer/packing.h"
#include "services/cache/tier/tier.h"

namespace chasqui::cache {

// Answers in Redis, where all replicas find them. A server that is away is UNAVAILABLE at once; one
// that does not answer in time is so then, and is left alone until it does or a pause is over,
// which grows each time. Answers are packed by who calls and unpacked on the links' threads. Owned
// by the CacheServer. Thread-safe.
class RedisTier final : public Tier {
 public:
  // Nothing that unpacks to more than `max_answer_bytes` of events, and what may be beside them, is
  // taken. `clock` outlives it.
  RedisTier(const config::v1::RedisTierConfig& config, const PackingOptions& packing,
            std::size_t max_answer_bytes, const time::Clock& clock, observability::Logger log);

  bool available() const override;
  void Get(const AnswerKey& key, Found found) override;
  void Put(AnswerPtr answer, Done done) override;
  void Remove(const AnswerKey& key) override;
  // Entries and bytes are 0: the server is not asked.
  TierCounts counts() const override;

 private:
  redis::Link::Options LinkOptions(const config::v1::RedisTierConfig& config, std::size_t index);
  std::string NameOf(const AnswerKey& key) const;
  absl::StatusOr<AnswerPtr> Read(const AnswerKey& key, const redis::ReplyOr& reply);
  // What a reply says of the server; the status for who asked.
  absl::Status Judge(const absl::Status& status);
  void OnState(bool was_up, const absl::Status& state);
  void OnLate();
  void EndPause();
  void OnAway(const absl::Status& why);
  void OnBack();

  const std::string prefix_;
  const PackingOptions packing_;
  const std::size_t max_answer_bytes_;
  const time::Duration max_ttl_;
  const time::Clock& clock_;
  const observability::Logger log_;

  std::atomic<std::uint64_t> stores_ = 0;
  std::atomic<std::uint64_t> expired_ = 0;
  std::atomic<std::uint64_t> damaged_ = 0;
  std::atomic<std::uint64_t> errors_ = 0;
  std::atomic<int> links_up_ = 0;
  // Until when it is left alone.
  std::atomic<time::SteadyTime> left_until_{time::SteadyTime::min()};
  // Whether it is known to answer; what changes it holds the mutex.
  std::atomic<bool> well_ = false;
  absl::Mutex mutex_;
  bool told_away_ ABSL_GUARDED_BY(mutex_) = false;
  resilience::Backoff pause_ ABSL_GUARDED_BY(mutex_);
  std::minstd_rand random_ ABSL_GUARDED_BY(mutex_){std::random_device{}()};

  redis::Pool pool_;  // last: its threads work on all of the above
};

}  // namespace chasqui::cache
