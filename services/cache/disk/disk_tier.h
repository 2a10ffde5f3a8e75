// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/concurrency/bounded_queue.h"
#include "common/concurrency/named_thread.h"
#include "common/observability/log.h"
#include "common/resilience/circuit_breaker.h"
#include "services/cache/answer/packing.h"
#include "services/cache/disk/disk_store.h"
#include "services/cache/generation/generations.h"
#include "services/cache/tier/tier.h"

namespace chasqui::cache {

// Answers on disk: a few threads that read and write a DiskStore, with a bounded queue before them.
// Left alone for a while when it fails again and again. Owned by the CacheServer; its destructor
// finishes what is queued. Thread-safe.
class DiskTier final : public Tier {
 public:
  // As DiskStore::Open. `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<DiskTier>> Open(const config::v1::DiskTierConfig& config,
                                                        const PackingOptions& packing,
                                                        std::size_t max_answer_bytes,
                                                        const time::Clock& clock,
                                                        observability::Logger log);
  ~DiskTier() override;

  bool available() const override;
  // UNAVAILABLE when too much is queued.
  void Get(const AnswerKey& key, Found found) override;
  // RESOURCE_EXHAUSTED when too much is queued.
  void Put(AnswerPtr answer, Done done) override;
  void Remove(const AnswerKey& key) override;
  TierCounts counts() const override;

  // Has WriteGenerations() write what the names have in `table` when it writes: they are not told
  // in the order in which they were drawn. After a failure all of it is written, with the next
  // change or the next answer that is. `table` outlives it. Before any call of WriteGenerations().
  void Follow(const Generations& table) { table_ = &table; }

  // Writes down what has been invalidated; calls `done` when it is. In the order of the calls, and
  // whatever is queued beside.
  void WriteGenerations(Generations::Change change, Done done);
  // Those that stood there when it was opened.
  const std::vector<Generations::Entry>& generations() const { return generations_; }

 private:
  using Job = absl::AnyInvocable<void()>;
  struct Invalidation {
    Generations::Change change;
    Done done;
  };

  DiskTier(const config::v1::DiskTierConfig& config, const PackingOptions& packing,
           std::size_t max_answer_bytes, const time::Clock& clock, observability::Logger log,
           std::unique_ptr<DiskStore> store);

  void Run();
  // False when too much is queued.
  bool Queue(Job job);
  void RunGenerations();
  // The change as it is to be written now; or all there is.
  Generations::Change Current(Generations::Change change, bool all) const;
  absl::StatusOr<AnswerPtr> Read(const AnswerKey& key);
  absl::Status Write(const StoredAnswer& answer);
  // Tells the breaker what came of asking the disk.
  void Judge(const absl::Status& status);
  void NoteHit(const AnswerKey& key);
  void WriteHits();

  const PackingOptions packing_;
  const std::size_t max_answer_bytes_;
  const std::uint64_t max_bytes_;
  const time::Duration max_ttl_;
  const time::Clock& clock_;
  const observability::Logger log_;
  const std::unique_ptr<DiskStore> store_;
  std::vector<Generations::Entry> generations_;  // constant after Open()

  std::atomic<std::size_t> queued_bytes_ = 0;  // of answers that wait to be written
  std::atomic<std::uint64_t> stores_ = 0;
  std::atomic<std::uint64_t> damaged_ = 0;
  std::atomic<std::uint64_t> errors_ = 0;
  std::atomic<bool> incomplete_ = false;  // not all generations are on disk
  const Generations* table_ = nullptr;    // null: changes are written as they are
  mutable absl::Mutex mutex_;
  resilience::CircuitBreaker breaker_ ABSL_GUARDED_BY(mutex_);
  bool told_away_ ABSL_GUARDED_BY(mutex_) = false;
  std::size_t unfinished_ ABSL_GUARDED_BY(mutex_) = 0;   // jobs
  time::SteadyTime progressed_ ABSL_GUARDED_BY(mutex_);  // when one was finished, or the first came
  // Hits that are not written yet.
  absl::flat_hash_map<AnswerKey, std::uint32_t> hits_ ABSL_GUARDED_BY(mutex_);
  time::SteadyTime hits_written_ ABSL_GUARDED_BY(mutex_);

  concurrency::BoundedQueue<Job> jobs_;
  concurrency::BoundedQueue<Invalidation> invalidations_;
  // Last: they work on all of the above.
  std::vector<concurrency::NamedThread> threads_;
};

}  // namespace chasqui::cache
