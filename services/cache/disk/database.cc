// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/database.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "services/cache/answer/answer.h"
#include "services/cache/disk/disk_format.h"

namespace chasqui::cache {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// Drops answers that have expired when files are merged. Their records stay until the store sweeps
// them, as it counts by them.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(std::int64_t now_us) : now_us_(now_us) {}
  const char* Name() const override { return "chasqui.expiry"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const std::optional<DiskValue> decoded = DecodeValue(ViewOf(value));
    return decoded.has_value() && decoded->expires_us <= now_us_;
  }

 private:
  const std::int64_t now_us_;
};

class ExpiryFilters final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilters(const time::Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "chasqui.expiry"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(ToMicros(clock_.SystemNow()));
  }

 private:
  const time::Clock& clock_;
};

rocksdb::DBOptions DatabaseOptions(std::uint64_t max_bytes) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = std::clamp(max_bytes / 16, kMiB, 64 * kMiB);
  options.max_background_jobs = 2;
  // Its own log and list of files are bounded only if one says so.
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kMiB / 4;
  options.keep_log_file_num = 2;
  options.max_manifest_file_size = kMiB / 4;
  return options;
}

// So that the files come close to what is in them however fast it is written: they are in
// proportion to everything, those with many deletions are merged at once, and writes wait before
// merges fall far behind.
rocksdb::ColumnFamilyOptions FamilyOptions(const Database::Options& options) {
  rocksdb::ColumnFamilyOptions family;
  family.compression = rocksdb::kZSTD;
  family.write_buffer_size = std::clamp(options.max_bytes / 64, kMiB / 4, 16 * kMiB);
  family.target_file_size_base = std::clamp(options.max_bytes / 64, kMiB / 4, 64 * kMiB);
  family.max_bytes_for_level_base = std::clamp(options.max_bytes / 8, kMiB, 256 * kMiB);
  family.level0_file_num_compaction_trigger = 2;
  family.level0_slowdown_writes_trigger = 4;
  family.level0_stop_writes_trigger = 6;
  family.soft_pending_compaction_bytes_limit = options.max_bytes / 8;
  family.hard_pending_compaction_bytes_limit = options.max_bytes / 2;
  family.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(/*sliding_window_size=*/256,
                                                    /*deletion_trigger=*/32,
                                                    /*deletion_ratio=*/0.2));
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

}  // namespace

absl::Status ToStatus(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("RocksDB: ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(text);
  if (status.IsCorruption()) return absl::DataLossError(text);
  return absl::UnavailableError(text);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const Options& options,
                                                         const time::Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(options.path, " cannot be made: ", error.message()));
  }
  const rocksdb::ColumnFamilyOptions family = FamilyOptions(options);
  rocksdb::ColumnFamilyOptions answers = family;
  answers.compaction_filter_factory = std::make_shared<ExpiryFilters>(clock);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family},
      {"answers", answers},
      {"records", family},
      {"generations", family}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  ABSL_RETURN_IF_ERROR(ToStatus(rocksdb::DB::Open(DatabaseOptions(options.max_bytes), options.path,
                                                  families, &handles, &db)));
  return std::unique_ptr<Database>(
      new Database(std::unique_ptr<rocksdb::DB>(db), std::move(handles)));
}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

}  // namespace chasqui::cache
