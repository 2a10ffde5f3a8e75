// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <rocksdb/write_batch.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "services/cache/answer/answer.h"
#include "services/cache/disk/database.h"
#include "services/cache/disk/disk_format.h"
#include "services/cache/disk/eviction.h"

namespace chasqui::cache {
namespace {

// Of so many, so many go at once: one in sixteen.
constexpr std::size_t kSample = 64;
constexpr std::size_t kVictims = 4;
// Part of all bytes that answers may take, in percent. The rest is for what is deleted but not yet
// merged away.
constexpr std::uint64_t kLivePercent = 85;
// Evicts so much more than needed, in parts of everything, so that it is not done for each write;
// but not so much that a write waits for long.
constexpr std::uint64_t kSlackPart = 32;
constexpr std::uint64_t kMaxSlack = 4 << 20;
// After so many writes, so many records are looked through for expired ones.
constexpr std::uint64_t kSweepEvery = 32;
constexpr std::size_t kSweep = 128;

// What RocksDB keeps of an answer and its record beside their bytes, roughly.
constexpr std::size_t kOverhead = 128;

}  // namespace

DiskStore::DiskStore(Options options, const time::Clock& clock, observability::Logger log)
    : options_(std::move(options)),
      max_live_bytes_(options_.max_bytes / 100 * kLivePercent),
      clock_(clock),
      log_(std::move(log)),
      random_(std::random_device{}()) {}

DiskStore::~DiskStore() = default;

std::int64_t DiskStore::NowMicros() const { return ToMicros(clock_.SystemNow()); }

absl::StatusOr<std::unique_ptr<DiskStore>> DiskStore::Open(Options options,
                                                           const time::Clock& clock,
                                                           observability::Logger log) {
  auto store = std::unique_ptr<DiskStore>(new DiskStore(std::move(options), clock, std::move(log)));
  ABSL_RETURN_IF_ERROR(store->Use().status());
  return store;
}

absl::StatusOr<DiskStore::DatabasePtr> DiskStore::Use() {
  absl::MutexLock lock(open_mutex_);
  if (database_ != nullptr) return database_;
  // Its directory is locked until the last who uses it is done.
  if (!failed_.expired()) return absl::UnavailableError("the database failed and is being closed");
  if (!damage_.ok()) {
    ABSL_RETURN_IF_ERROR(MoveAside(damage_));
    damage_ = absl::OkStatus();
  }
  absl::StatusOr<DatabasePtr> opened = OpenWhole();
  if (absl::IsDataLoss(opened.status())) {
    ABSL_RETURN_IF_ERROR(MoveAside(opened.status()));
    opened = OpenWhole();
  }
  if (opened.ok()) database_ = *opened;
  return opened;
}

absl::StatusOr<DiskStore::DatabasePtr> DiskStore::OpenWhole() {
  ABSL_ASSIGN_OR_RETURN(DatabasePtr database,
                        Database::Open({.path = options_.path,
                                        .max_bytes = options_.max_bytes,
                                        .block_cache_bytes = options_.block_cache_bytes},
                                       clock_));
  ABSL_RETURN_IF_ERROR(CountAll(*database));
  // What cannot be told valid from invalid is of no use.
  ABSL_RETURN_IF_ERROR(ReadGenerations(*database).status());
  return database;
}

absl::Status DiskStore::MoveAside(const absl::Status& why) const {
  const std::string aside = options_.path + ".damaged";
  log_.Warn("the answers on disk are damaged: their directory is moved aside, a new one is begun",
            {{"path", options_.path}, {"moved_to", aside}, {"error", why}});
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  std::filesystem::rename(options_.path, aside, error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(options_.path, " cannot be moved aside: ", error.message()));
}

absl::Status DiskStore::CountAll(const Database& database) {
  const std::unique_ptr<rocksdb::Iterator> it(
      database->NewIterator(rocksdb::ReadOptions(), database.records()));
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++entries;
    bytes += DecodeRecord(ViewOf(it->value())).value_or(v1::DiskRecord()).size_bytes();
  }
  entries_ = entries;
  bytes_ = bytes;
  return ToStatus(it->status());
}

// After a failed write RocksDB takes no more until it is opened again. Where it found damage, in a
// file that it was to merge, it would find that again.
absl::Status DiskStore::Write(const DatabasePtr& database, rocksdb::WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  const absl::Status status = ToStatus((*database)->Write(options, &batch));
  if (status.ok()) return status;
  {
    absl::MutexLock lock(open_mutex_);
    if (database_ == database) {
      failed_ = std::exchange(database_, nullptr);
      if (absl::IsDataLoss(status)) damage_ = status;
    }
  }
  return absl::UnavailableError(status.message());
}

std::optional<v1::DiskRecord> DiskStore::RecordOf(const Database& database,
                                                  const AnswerKey& key) const {
  std::string bytes;
  const rocksdb::Status status =
      database->Get(rocksdb::ReadOptions(), database.records(), SliceOf(key.bytes()), &bytes);
  if (!status.ok()) return std::nullopt;
  return DecodeRecord(bytes).value_or(v1::DiskRecord());
}

absl::StatusOr<std::string> DiskStore::Get(const AnswerKey& key) {
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  rocksdb::PinnableSlice slice;
  ABSL_RETURN_IF_ERROR(ToStatus(
      (*database)->Get(rocksdb::ReadOptions(), database->answers(), SliceOf(key.bytes()), &slice)));
  const std::optional<DiskValue> value = DecodeValue(ViewOf(slice));
  if (!value.has_value()) return absl::DataLossError("an answer without a head");
  if (value->expires_us > NowMicros()) return std::string(value->envelope);
  absl::MutexLock lock(mutex_);
  // Unless a new one was put there meanwhile.
  const std::optional<v1::DiskRecord> record = RecordOf(*database, key);
  if (record.has_value() && record->expires_us() <= NowMicros()) {
    const Held held{.key = std::string(key.bytes()), .record = *record};
    ABSL_RETURN_IF_ERROR(Drop(database, std::span(&held, 1)));
  }
  return absl::NotFoundError("it has expired");
}

absl::Status DiskStore::Put(const AnswerKey& key, std::string_view envelope,
                            v1::DiskRecord record) {
  const std::string value = EncodeValue(record.expires_us(), envelope);
  record.set_size_bytes(value.size() + kOverhead);
  rocksdb::WriteBatch batch;
  absl::MutexLock lock(mutex_);
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  batch.Put(database->answers(), SliceOf(key.bytes()), value);
  batch.Put(database->records(), SliceOf(key.bytes()), record.SerializeAsString());
  const std::optional<v1::DiskRecord> before = RecordOf(*database, key);
  ABSL_RETURN_IF_ERROR(Write(database, batch, options_.sync));
  if (!before.has_value()) entries_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(record.size_bytes() - before.value_or(v1::DiskRecord()).size_bytes(),
                   std::memory_order_relaxed);
  if (++puts_ % kSweepEvery == 0) {
    ABSL_RETURN_IF_ERROR(Sweep(database));
  }
  return bytes() > max_live_bytes_ ? Evict(database) : absl::OkStatus();
}

absl::Status DiskStore::Remove(const AnswerKey& key) {
  rocksdb::WriteBatch batch;
  absl::MutexLock lock(mutex_);
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  const std::optional<v1::DiskRecord> record = RecordOf(*database, key);
  // Even without a record: it may be damaged, too.
  batch.Delete(database->answers(), SliceOf(key.bytes()));
  batch.Delete(database->records(), SliceOf(key.bytes()));
  ABSL_RETURN_IF_ERROR(Write(database, batch, /*sync=*/false));
  if (!record.has_value()) return absl::OkStatus();
  entries_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(record->size_bytes(), std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status DiskStore::Drop(const DatabasePtr& database, std::span<const Held> held) {
  rocksdb::WriteBatch batch;
  for (const Held& each : held) {
    batch.Delete(database->answers(), each.key);
    batch.Delete(database->records(), each.key);
  }
  ABSL_RETURN_IF_ERROR(Write(database, batch, /*sync=*/false));
  const std::int64_t now = NowMicros();
  for (const Held& each : held) {
    entries_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(each.record.size_bytes(), std::memory_order_relaxed);
    const bool was_expired = each.record.expires_us() <= now;
    (was_expired ? expired_ : evicted_).fetch_add(1, std::memory_order_relaxed);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DiskStore::Held>> DiskStore::Sample(const Database& database,
                                                               std::string_view place,
                                                               std::size_t count) const {
  const std::unique_ptr<rocksdb::Iterator> it(
      database->NewIterator(rocksdb::ReadOptions(), database.records()));
  std::vector<Held> sample;
  bool wrapped = false;
  for (it->Seek(SliceOf(place)); sample.size() < count; it->Next()) {
    if (!it->Valid() && !std::exchange(wrapped, true)) it->SeekToFirst();
    if (!it->Valid()) break;
    const std::string_view key = ViewOf(it->key());
    if (!sample.empty() && key == sample.front().key) break;
    // What cannot be read is taken for expired.
    sample.push_back({.key = std::string(key),
                      .record = DecodeRecord(ViewOf(it->value())).value_or(v1::DiskRecord())});
  }
  ABSL_RETURN_IF_ERROR(ToStatus(it->status()));
  return sample;
}

absl::Status DiskStore::Evict(const DatabasePtr& database) {
  const std::uint64_t low = max_live_bytes_ - std::min(max_live_bytes_ / kSlackPart, kMaxSlack);
  while (bytes() > low) {
    // Keys are as good as random, so those that follow a random place are a sample.
    const std::uint64_t place = random_();
    ABSL_ASSIGN_OR_RETURN(
        const std::vector<Held> sample,
        Sample(*database, {reinterpret_cast<const char*>(&place), sizeof(place)}, kSample));
    if (sample.empty()) {
      // Nothing is there, whatever the counts say.
      entries_ = 0;
      bytes_ = 0;
      return absl::OkStatus();
    }
    std::vector<v1::DiskRecord> records;
    for (const Held& held : sample) records.push_back(held.record);
    std::vector<Held> victims;
    std::uint64_t freed = 0;
    for (const std::size_t i : LeastWorth(records, kVictims, NowMicros())) {
      if (bytes() - freed <= low) break;
      freed += records[i].size_bytes();
      victims.push_back(sample[i]);
    }
    ABSL_RETURN_IF_ERROR(Drop(database, victims));
  }
  return absl::OkStatus();
}

absl::Status DiskStore::Sweep(const DatabasePtr& database) {
  ABSL_ASSIGN_OR_RETURN(std::vector<Held> sample, Sample(*database, swept_, kSweep));
  if (sample.empty()) return absl::OkStatus();
  // The next key after the last.
  swept_ = absl::StrCat(sample.back().key, std::string_view("\0", 1));
  const std::int64_t now = NowMicros();
  std::erase_if(sample, [&](const Held& held) { return held.record.expires_us() > now; });
  return sample.empty() ? absl::OkStatus() : Drop(database, sample);
}

absl::Status DiskStore::AddHits(const std::vector<std::pair<AnswerKey, std::uint32_t>>& hits) {
  rocksdb::WriteBatch batch;
  absl::MutexLock lock(mutex_);
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  for (const auto& [key, count] : hits) {
    std::optional<v1::DiskRecord> record = RecordOf(*database, key);
    if (!record.has_value()) continue;
    record->set_hits(record->hits() + count);
    record->set_used_us(NowMicros());
    batch.Put(database->records(), SliceOf(key.bytes()), record->SerializeAsString());
  }
  return Write(database, batch, /*sync=*/false);
}

absl::Status DiskStore::WriteGenerations(const Generations::Change& change) {
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  rocksdb::WriteBatch batch;
  if (change.all_others_forgotten) {
    // All names there are.
    batch.DeleteRange(database->generations(), rocksdb::Slice("\0", 1), rocksdb::Slice("\xff"));
  }
  for (const auto& [name, generation] : change.entries) {
    batch.Put(database->generations(), name, EncodeGeneration(generation));
  }
  return Write(database, batch, /*sync=*/true);
}

absl::StatusOr<std::vector<Generations::Entry>> DiskStore::ReadGenerations() {
  ABSL_ASSIGN_OR_RETURN(const DatabasePtr database, Use());
  return ReadGenerations(*database);
}

absl::StatusOr<std::vector<Generations::Entry>> DiskStore::ReadGenerations(
    const Database& database) {
  const std::unique_ptr<rocksdb::Iterator> it(
      database->NewIterator(rocksdb::ReadOptions(), database.generations()));
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
