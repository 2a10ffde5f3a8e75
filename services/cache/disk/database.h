// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"

namespace chasqui::cache {

// OK; NOT_FOUND; DATA_LOSS: what stands there is damaged; UNAVAILABLE: it could not be done.
absl::Status ToStatus(const rocksdb::Status& status);

inline rocksdb::Slice SliceOf(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// A RocksDB database with the families of a DiskStore, opened by one and closed by the destructor.
// Thread-safe, as RocksDB is.
class Database {
 public:
  struct Options {
    std::string path;
    // What it will hold; files and buffers are in proportion.
    std::uint64_t max_bytes;
    std::size_t block_cache_bytes;
  };

  // Makes the directory if need be. DATA_LOSS: it is damaged; PERMISSION_DENIED: it cannot be made;
  // UNAVAILABLE: another process has it, or the disk failed. `clock` outlives the database.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const Options& options,
                                                        const time::Clock& clock);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB* operator->() const { return db_.get(); }

  // By key: an answer with its head (disk_format.h), and its record.
  rocksdb::ColumnFamilyHandle* answers() const { return handles_[1]; }
  rocksdb::ColumnFamilyHandle* records() const { return handles_[2]; }
  // By name.
  rocksdb::ColumnFamilyHandle* generations() const { return handles_[3]; }

 private:
  Database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles)
      : db_(std::move(db)), handles_(std::move(handles)) {}

  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // as they were opened
};

}  // namespace chasqui::cache
