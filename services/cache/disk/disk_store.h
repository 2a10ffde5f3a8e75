// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
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
class ColumnFamilyHandle;
class CompactionFilterFactory;
class DB;
}  // namespace rocksdb

namespace chasqui::cache {

// A RocksDB database with answers, as bytes, and with generations. What was acknowledged is in its
// log and survives the process; every block has a checksum. Bounded in bytes: the answers worth
// least make room. Blocks; owned by the DiskTier. Thread-safe.
class DiskStore {
 public:
  struct Options {
    std::string path;
    std::uint64_t max_bytes;
    // Whether a write waits until the disk has it.
    bool sync = false;
    std::size_t block_cache_bytes = 32 << 20;
  };

  // A directory that is damaged is moved aside, to PATH.damaged, and begun anew. Errors: another
  // process has it, or it cannot be written. `clock` outlives the store.
  static absl::StatusOr<std::unique_ptr<DiskStore>> Open(Options options, const time::Clock& clock,
                                                         const observability::Logger& log);
  ~DiskStore();
  DiskStore(const DiskStore&) = delete;
  DiskStore& operator=(const DiskStore&) = delete;

  // The envelope. NOT_FOUND: none, or expired; DATA_LOSS: damaged; UNAVAILABLE: the disk failed.
  absl::StatusOr<std::string> Get(const AnswerKey& key);
  // In place of what was there. `record` has everything but the size.
  absl::Status Put(const AnswerKey& key, std::string_view envelope, v1::DiskRecord record);
  absl::Status Remove(const AnswerKey& key);
  // That these were found so many times, the last time now.
  absl::Status AddHits(const std::vector<std::pair<AnswerKey, std::uint32_t>>& hits);

  // Survives the machine, too.
  absl::Status WriteGenerations(const Generations::Change& change);
  absl::StatusOr<std::vector<Generations::Entry>> ReadGenerations() const;

  std::uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  std::uint64_t expired() const { return expired_.load(std::memory_order_relaxed); }

 private:
  struct Families {
    rocksdb::ColumnFamilyHandle* answers = nullptr;
    rocksdb::ColumnFamilyHandle* records = nullptr;
    rocksdb::ColumnFamilyHandle* generations = nullptr;
  };

  DiskStore(Options options, const time::Clock& clock);
  absl::Status OpenDatabase();
  absl::Status CountAll();
  std::int64_t NowMicros() const;
  // Of what stands under the key now.
  std::uint64_t SizeOf(const AnswerKey& key) const;
  absl::Status Evict();
  absl::Status EvictOne();

  const Options options_;
  const time::Clock& clock_;
  std::shared_ptr<rocksdb::CompactionFilterFactory> filters_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  Families families_;
  std::atomic<std::uint64_t> entries_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> evicted_ = 0;
  std::atomic<std::uint64_t> expired_ = 0;
  // Of writes, so that the counts are right.
  absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
