// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/cache/v1/stored_answer.pb.h"
#include "common/observability/log.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer_key.h"
#include "services/cache/generation/generations.h"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace chasqui::cache {

class Database;

// Answers, as bytes, and generations, in a RocksDB database. What was acknowledged is in its log
// and survives the process; every block has a checksum. Bounded in bytes: the answers worth least
// make room. A database that failed to write takes no more writes: it is closed and opened again,
// by itself, when it is next asked. Blocks; owned by the DiskTier. Thread-safe.
class DiskStore {
 public:
  struct Options {
    std::string path;
    // Answers take a little less, files at most a quarter more.
    std::uint64_t max_bytes;
    // Whether a write waits until the disk has it.
    bool sync = false;
    std::size_t block_cache_bytes = 32 << 20;
  };

  // A directory that is damaged, now or when it is opened again, is moved aside, to PATH.damaged in
  // place of an earlier one, and begun anew. Errors: UNAVAILABLE, another process has it or the
  // disk failed; PERMISSION_DENIED, it cannot be made. `clock` outlives the store.
  static absl::StatusOr<std::unique_ptr<DiskStore>> Open(Options options, const time::Clock& clock,
                                                         observability::Logger log);
  ~DiskStore();
  DiskStore(const DiskStore&) = delete;
  DiskStore& operator=(const DiskStore&) = delete;

  // All can be UNAVAILABLE: the disk failed.

  // The envelope. NOT_FOUND: none, or expired; DATA_LOSS: damaged.
  absl::StatusOr<std::string> Get(const AnswerKey& key);
  // In place of what was there. `record` has everything but the size.
  absl::Status Put(const AnswerKey& key, std::string_view envelope, v1::DiskRecord record);
  absl::Status Remove(const AnswerKey& key);
  // That these were found so many times, the last time now.
  absl::Status AddHits(const std::vector<std::pair<AnswerKey, std::uint32_t>>& hits);

  // Survives the machine, too.
  absl::Status WriteGenerations(const Generations::Change& change);
  absl::StatusOr<std::vector<Generations::Entry>> ReadGenerations();

  std::uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  std::uint64_t expired() const { return expired_.load(std::memory_order_relaxed); }

 private:
  using DatabasePtr = std::shared_ptr<const Database>;
  struct Held {
    std::string key;
    v1::DiskRecord record;
  };

  DiskStore(Options options, const time::Clock& clock, observability::Logger log);
  std::int64_t NowMicros() const;

  // The database, opened if it is not.
  absl::StatusOr<DatabasePtr> Use();
  absl::StatusOr<DatabasePtr> OpenWhole() ABSL_EXCLUSIVE_LOCKS_REQUIRED(open_mutex_);
  absl::Status MoveAside(const absl::Status& why) const;
  absl::Status CountAll(const Database& database);
  static absl::StatusOr<std::vector<Generations::Entry>> ReadGenerations(const Database& database);
  absl::Status Write(const DatabasePtr& database, rocksdb::WriteBatch& batch, bool sync);

  std::optional<v1::DiskRecord> RecordOf(const Database& database, const AnswerKey& key) const;
  // Those from `place` on, from the first on after the last, `count` or all there are.
  absl::StatusOr<std::vector<Held>> Sample(const Database& database, std::string_view place,
                                           std::size_t count) const;
  absl::Status Drop(const DatabasePtr& database, std::span<const Held> held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Evict(const DatabasePtr& database) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Sweep(const DatabasePtr& database) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const std::uint64_t max_live_bytes_;
  const time::Clock& clock_;
  const observability::Logger log_;

  std::atomic<std::uint64_t> entries_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> evicted_ = 0;
  std::atomic<std::uint64_t> expired_ = 0;

  // Of what is written about answers, so that the counts are right. Before open_mutex_.
  absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t puts_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string swept_ ABSL_GUARDED_BY(mutex_);  // key up to which expired records were dropped

  absl::Mutex open_mutex_;
  DatabasePtr database_ ABSL_GUARDED_BY(open_mutex_);  // null: it failed, and is to be opened
  std::weak_ptr<const Database> failed_ ABSL_GUARDED_BY(open_mutex_);  // until nobody uses it
  absl::Status damage_ ABSL_GUARDED_BY(open_mutex_);  // why it must be begun anew; OK: it need not
};

}  // namespace chasqui::cache
