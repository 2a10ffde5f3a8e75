// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_store.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include "absl/log/check.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "services/cache/answer/answer.h"
#include "services/cache/disk/disk_format.h"
#include "services/cache/disk/eviction.h"

namespace chasqui::cache {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::size_t kSample = 16;
// Evicts down to this part, in percent, so that it is not done for each write.
constexpr std::uint64_t kLowWater = 97;

rocksdb::Slice SliceOf(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status ToStatus(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("RocksDB: ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(text);
  if (status.IsCorruption()) return absl::DataLossError(text);
  return absl::UnavailableError(text);
}

// Drops what has expired when files are merged.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(std::int64_t now_us) : now_us_(now_us) {}
  const char* Name() const override { return "chasqui.expiry"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    // Generations have other keys, and stay.
    if (key.size() != AnswerKey::kBytes) return false;
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

rocksdb::ColumnFamilyOptions FamilyOptions(std::uint64_t max_bytes,
                                           const std::shared_ptr<rocksdb::Cache>& blocks) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kZSTD;
  // In proportion, so that what was deleted is soon merged away.
  options.write_buffer_size = std::clamp(max_bytes / 32, kMiB / 2, 16 * kMiB);
  options.target_file_size_base = std::clamp(max_bytes / 32, kMiB / 2, 64 * kMiB);
  options.max_bytes_for_level_base = std::clamp(max_bytes / 8, 2 * kMiB, 256 * kMiB);
  options.level0_file_num_compaction_trigger = 2;
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(/*sliding_window_size=*/256,
                                                    /*deletion_trigger=*/32));
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = blocks;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

DiskStore::DiskStore(Options options, const time::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      filters_(std::make_shared<ExpiryFilters>(clock)),
      random_(std::random_device{}()) {}

DiskStore::~DiskStore() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

absl::Status DiskStore::OpenDatabase() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = std::clamp(options_.max_bytes / 16, kMiB, 64 * kMiB);
  options.keep_log_file_num = 2;
  options.max_background_jobs = 2;
  const auto blocks = rocksdb::NewLRUCache(options_.block_cache_bytes);
  rocksdb::ColumnFamilyOptions family = FamilyOptions(options_.max_bytes, blocks);
  rocksdb::ColumnFamilyOptions answers = family;
  answers.compaction_filter_factory = filters_;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family},
      {"answers", answers},
      {"records", family},
      {"generations", family}};
  rocksdb::DB* db = nullptr;
  ABSL_RETURN_IF_ERROR(
      ToStatus(rocksdb::DB::Open(options, options_.path, families, &handles_, &db)));
  db_.reset(db);
  families_ = {.answers = handles_[1], .records = handles_[2], .generations = handles_[3]};
  // What cannot be told valid from invalid is of no use.
  ABSL_RETURN_IF_ERROR(ReadGenerations().status());
  return CountAll();
}

absl::StatusOr<std::unique_ptr<DiskStore>> DiskStore::Open(Options options,
                                                           const time::Clock& clock,
                                                           const observability::Logger& log) {
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<DiskStore>> {
    auto store = std::unique_ptr<DiskStore>(new DiskStore(options, clock));
    ABSL_RETURN_IF_ERROR(store->OpenDatabase());
    return store;
  };
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(options.path, " cannot be made: ", error.message()));
  }
  absl::StatusOr<std::unique_ptr<DiskStore>> store = open();
  if (!absl::IsDataLoss(store.status())) return store;
  const std::string aside = options.path + ".damaged";
  log.Warn("the answers on disk are damaged: their directory is moved aside, a new one is begun",
           {{"path", options.path}, {"moved_to", aside}, {"error", store.status()}});
  std::filesystem::remove_all(aside, error);
  std::filesystem::rename(options.path, aside, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(options.path, " cannot be moved aside: ", error.message()));
  }
  return open();
}

absl::Status DiskStore::CountAll() {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(rocksdb::ReadOptions(), families_.records));
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto record = DecodeRecord(ViewOf(it->value()));
    if (!record.has_value()) continue;
    ++entries;
    bytes += record->size_bytes();
  }
  entries_ = entries;
  bytes_ = bytes;
  return ToStatus(it->status());
}

std::int64_t DiskStore::NowMicros() const { return ToMicros(clock_.SystemNow()); }

absl::StatusOr<std::string> DiskStore::Get(const AnswerKey& key) {
  rocksdb::PinnableSlice slice;
  ABSL_RETURN_IF_ERROR(
      ToStatus(db_->Get(rocksdb::ReadOptions(), families_.answers, SliceOf(key.bytes()), &slice)));
  const std::optional<DiskValue> value = DecodeValue(ViewOf(slice));
  if (!value.has_value()) return absl::DataLossError("an answer without a head");
  if (value->expires_us > NowMicros()) return std::string(value->envelope);
  expired_.fetch_add(1, std::memory_order_relaxed);
  ABSL_RETURN_IF_ERROR(Remove(key));
  return absl::NotFoundError("it has expired");
}

std::uint64_t DiskStore::SizeOf(const AnswerKey& key) const {
  std::string bytes;
  if (!db_->Get(rocksdb::ReadOptions(), families_.records, SliceOf(key.bytes()), &bytes).ok()) {
    return 0;
  }
  const auto record = DecodeRecord(bytes);
  return record.has_value() ? record->size_bytes() : 0;
}

absl::Status DiskStore::Put(const AnswerKey& key, std::string_view envelope,
                            v1::DiskRecord record) {
  const std::string value = EncodeValue(record.expires_us(), envelope);
  // Of the record, too, and of what the files have beside them.
  constexpr std::size_t kOverhead = 128;
  record.set_size_bytes(value.size() + kOverhead);
  rocksdb::WriteBatch batch;
  batch.Put(families_.answers, SliceOf(key.bytes()), value);
  batch.Put(families_.records, SliceOf(key.bytes()), record.SerializeAsString());
  rocksdb::WriteOptions options;
  options.sync = options_.sync;
  absl::MutexLock lock(mutex_);
  const std::uint64_t before = SizeOf(key);
  ABSL_RETURN_IF_ERROR(ToStatus(db_->Write(options, &batch)));
  if (before == 0) entries_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(record.size_bytes() - before, std::memory_order_relaxed);
  return bytes() > options_.max_bytes ? Evict() : absl::OkStatus();
}

absl::Status DiskStore::Remove(const AnswerKey& key) {
  rocksdb::WriteBatch batch;
  batch.Delete(families_.answers, SliceOf(key.bytes()));
  batch.Delete(families_.records, SliceOf(key.bytes()));
  absl::MutexLock lock(mutex_);
  const std::uint64_t before = SizeOf(key);
  if (before == 0) return absl::OkStatus();
  ABSL_RETURN_IF_ERROR(ToStatus(db_->Write(rocksdb::WriteOptions(), &batch)));
  entries_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(before, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status DiskStore::Evict() {
  const std::uint64_t low = options_.max_bytes / 100 * kLowWater;
  while (bytes() > low && entries() > 0) ABSL_RETURN_IF_ERROR(EvictOne());
  return absl::OkStatus();
}

absl::Status DiskStore::EvictOne() {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(rocksdb::ReadOptions(), families_.records));
  std::vector<std::string> keys;
  std::vector<v1::DiskRecord> records;
  // Keys are as good as random, so those that follow a random place are a sample.
  std::string place(sizeof(std::uint64_t), '\0');
  const std::uint64_t number = random_();
  for (std::size_t i = 0; i < place.size(); ++i) {
    place[i] = static_cast<char>(number >> (8 * i));
  }
  bool wrapped = false;
  for (it->Seek(place); keys.size() < kSample; it->Next()) {
    if (!it->Valid()) {
      if (std::exchange(wrapped, true)) break;
      it->SeekToFirst();
      if (!it->Valid()) break;
    }
    const auto record = DecodeRecord(ViewOf(it->value()));
    keys.emplace_back(ViewOf(it->key()));
    records.push_back(record.value_or(v1::DiskRecord()));
  }
  ABSL_RETURN_IF_ERROR(ToStatus(it->status()));
  if (keys.empty()) {
    // Nothing is there, whatever the counts say.
    entries_ = 0;
    bytes_ = 0;
    return absl::OkStatus();
  }
  const std::size_t least = LeastWorth(records, NowMicros());
  rocksdb::WriteBatch batch;
  batch.Delete(families_.answers, keys[least]);
  batch.Delete(families_.records, keys[least]);
  ABSL_RETURN_IF_ERROR(ToStatus(db_->Write(rocksdb::WriteOptions(), &batch)));
  entries_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(std::min(bytes(), records[least].size_bytes()), std::memory_order_relaxed);
  const bool was_expired = records[least].expires_us() <= NowMicros();
  (was_expired ? expired_ : evicted_).fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status DiskStore::AddHits(const std::vector<std::pair<AnswerKey, std::uint32_t>>& hits) {
  rocksdb::WriteBatch batch;
  absl::MutexLock lock(mutex_);
  for (const auto& [key, count] : hits) {
    std::string bytes;
    if (!db_->Get(rocksdb::ReadOptions(), families_.records, SliceOf(key.bytes()), &bytes).ok()) {
      continue;
    }
    std::optional<v1::DiskRecord> record = DecodeRecord(bytes);
    if (!record.has_value()) continue;
    record->set_hits(record->hits() + count);
    record->set_used_us(NowMicros());
    batch.Put(families_.records, SliceOf(key.bytes()), record->SerializeAsString());
  }
  return ToStatus(db_->Write(rocksdb::WriteOptions(), &batch));
}

absl::Status DiskStore::WriteGenerations(const Generations::Change& change) {
  rocksdb::WriteBatch batch;
  if (change.all_others_forgotten) {
    // All names there are.
    batch.DeleteRange(families_.generations, rocksdb::Slice("\0", 1), rocksdb::Slice("\xff"));
  }
  for (const auto& [name, generation] : change.entries) {
    batch.Put(families_.generations, name, EncodeGeneration(generation));
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  return ToStatus(db_->Write(options, &batch));
}

absl::StatusOr<std::vector<Generations::Entry>> DiskStore::ReadGenerations() const {
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(rocksdb::ReadOptions(), families_.generations));
  std::vector<Generations::Entry> entries;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::optional<Generation> generation = DecodeGeneration(ViewOf(it->value()));
    if (!generation.has_value()) return absl::DataLossError("a generation cannot be read");
    entries.emplace_back(ViewOf(it->key()), *generation);
  }
  ABSL_RETURN_IF_ERROR(ToStatus(it->status()));
  return entries;
}

}  // namespace chasqui::cache
