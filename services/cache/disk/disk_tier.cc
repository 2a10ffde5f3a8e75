// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_tier.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxJobs = 1024;
// Of answers that wait to be written; one may wait whatever its size.
constexpr std::size_t kMaxQueuedBytes = 64 << 20;
constexpr std::size_t kMaxInvalidations = 100'000;
// Hits are written when there are so many, or some are so old.
constexpr std::size_t kMaxHits = 4096;
constexpr time::Duration kHitsInterval = 5s;
// A disk that finishes nothing for so long is not asked.
constexpr time::Duration kHangsAfter = 1s;
constexpr resilience::CircuitBreakerOptions kBreaker = {
    .failures = 3, .base_ejection = 1s, .max_ejection = 60s};

}  // namespace

absl::StatusOr<std::unique_ptr<DiskTier>> DiskTier::Open(const config::v1::DiskTierConfig& config,
                                                         const PackingOptions& packing,
                                                         std::size_t max_answer_bytes,
                                                         const time::Clock& clock,
                                                         observability::Logger log) {
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<DiskStore> store,
                        DiskStore::Open({.path = config.path(),
                                         .max_bytes = config.max_bytes(),
                                         .sync = config.sync(),
                                         .block_cache_bytes = config.block_cache_bytes()},
                                        clock, log));
  ABSL_ASSIGN_OR_RETURN(std::vector<Generations::Entry> generations, store->ReadGenerations());
  auto tier = std::unique_ptr<DiskTier>(
      new DiskTier(config, packing, max_answer_bytes, clock, std::move(log), std::move(store)));
  tier->generations_ = std::move(generations);
  return tier;
}

DiskTier::DiskTier(const config::v1::DiskTierConfig& config, const PackingOptions& packing,
                   std::size_t max_answer_bytes, const time::Clock& clock,
                   observability::Logger log, std::unique_ptr<DiskStore> store)
    : packing_(packing),
      max_answer_bytes_(max_answer_bytes),
      max_bytes_(config.max_bytes()),
      max_ttl_(service::ToDuration(config.max_ttl())),
      clock_(clock),
      log_(std::move(log)),
      store_(std::move(store)),
      breaker_(kBreaker),
      hits_written_(clock.SteadyNow()),
      jobs_(kMaxJobs),
      invalidations_(kMaxInvalidations) {
  for (std::uint32_t i = 0; i < config.threads(); ++i) {
    threads_.emplace_back(absl::StrCat("cache-disk-", i),
                          [this](const std::stop_token&) { Run(); });
  }
  threads_.emplace_back("cache-disk-inv", [this](const std::stop_token&) { RunGenerations(); });
}

DiskTier::~DiskTier() {
  jobs_.Close();
  invalidations_.Close();
  threads_.clear();
  WriteHits();
}

void DiskTier::Run() {
  while (std::optional<Job> job = jobs_.Pop()) {
    (*job)();
    absl::MutexLock lock(mutex_);
    --unfinished_;
    progressed_ = clock_.SteadyNow();
  }
}

bool DiskTier::Queue(Job job) {
  {
    absl::MutexLock lock(mutex_);
    if (unfinished_++ == 0) progressed_ = clock_.SteadyNow();
  }
  if (jobs_.TryPush(std::move(job))) return true;
  absl::MutexLock lock(mutex_);
  --unfinished_;
  return false;
}

void DiskTier::RunGenerations() {
  while (std::optional<Invalidation> next = invalidations_.Pop()) {
    const bool all = incomplete_.exchange(false);
    const absl::Status status = store_->WriteGenerations(Current(std::move(next->change), all));
    if (!status.ok()) {
      errors_.fetch_add(1, std::memory_order_relaxed);
      incomplete_ = true;
    }
    next->done(status);
  }
}

Generations::Change DiskTier::Current(Generations::Change change, bool all) const {
  if (table_ == nullptr) return change;
  if (all || change.all_others_forgotten) {
    return {.entries = table_->All(), .all_others_forgotten = true};
  }
  std::vector<std::string> names;
  for (auto& [name, generation] : change.entries) names.push_back(std::move(name));
  return {.entries = table_->Find(names)};
}

bool DiskTier::available() const {
  absl::MutexLock lock(mutex_);
  const time::SteadyTime now = clock_.SteadyNow();
  const bool hangs = unfinished_ > 0 && now - progressed_ > kHangsAfter;
  return !hangs && !breaker_.Ejects(now);
}

void DiskTier::Judge(const absl::Status& status) {
  // That an answer is damaged, or not there, is no failure of the disk.
  const bool failed = !status.ok() && !absl::IsNotFound(status) && !absl::IsDataLoss(status);
  bool changed = false;
  {
    absl::MutexLock lock(mutex_);
    if (failed) {
      changed = breaker_.Failed(clock_.SteadyNow()) && !std::exchange(told_away_, true);
    } else {
      breaker_.Succeeded();
      changed = std::exchange(told_away_, false);
    }
  }
  if (failed) errors_.fetch_add(1, std::memory_order_relaxed);
  if (changed && failed) {
    log_.Warn("the disk tier fails: it is left alone for a while", {{"error", status}});
  } else if (changed) {
    log_.Info("the disk tier works again");
  }
}

void DiskTier::Get(const AnswerKey& key, Found found) {
  const auto asker = std::make_shared<Found>(std::move(found));
  Job job = [this, key, asker] { (*asker)(Read(key)); };
  if (!Queue(std::move(job))) (*asker)(absl::UnavailableError("too much is queued"));
}

absl::StatusOr<AnswerPtr> DiskTier::Read(const AnswerKey& key) {
  const absl::StatusOr<std::string> envelope = store_->Get(key);
  Judge(envelope.status());
  absl::StatusOr<AnswerPtr> answer =
      envelope.ok() ? Unpack(*envelope, key, max_answer_bytes_ + kUnpackedOverhead)
                    : absl::StatusOr<AnswerPtr>(envelope.status());
  if (answer.ok()) {
    NoteHit(key);
    return answer;
  }
  if (!absl::IsDataLoss(answer.status())) return answer;
  damaged_.fetch_add(1, std::memory_order_relaxed);
  log_.Warn("an answer on disk is damaged: it is removed",
            {{"key", key.Hex()}, {"error", answer.status()}});
  Judge(store_->Remove(key));
  return absl::NotFoundError("it was damaged");
}

void DiskTier::Put(AnswerPtr answer, Done done) {
  const auto asker = std::make_shared<Done>(std::move(done));
  const std::size_t bytes = MemoryBytes(*answer);
  const std::size_t before = queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  Job job = [this, answer = std::move(answer), asker, bytes] {
    const absl::Status status = Write(*answer);
    queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    (*asker)(status);
  };
  const bool has_room = before == 0 || before + bytes <= kMaxQueuedBytes;
  if (has_room && Queue(std::move(job))) return;
  queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  (*asker)(absl::ResourceExhaustedError("too much is queued"));
}

absl::Status DiskTier::Write(const StoredAnswer& answer) {
  const std::int64_t now = ToMicros(clock_.SystemNow());
  v1::DiskRecord record;
  record.set_expires_us(
      std::min<std::int64_t>(answer.expires_us(), ToMicros(clock_.SystemNow() + max_ttl_)));
  record.set_cost_us(answer.cost_us());
  record.set_used_us(now);
  const absl::Status status = store_->Put(KeyOf(answer), Pack(answer, packing_), record);
  Judge(status);
  if (!status.ok()) return status;
  stores_.fetch_add(1, std::memory_order_relaxed);
  if (incomplete_) WriteGenerations({}, [](const absl::Status&) {});
  return status;
}

void DiskTier::Remove(const AnswerKey& key) {
  Job job = [this, key] { Judge(store_->Remove(key)); };
  // Its room is wanted some time; what is invalid is not served.
  static_cast<void>(Queue(std::move(job)));
}

void DiskTier::WriteGenerations(Generations::Change change, Done done) {
  const auto asker = std::make_shared<Done>(std::move(done));
  Invalidation invalidation{.change = std::move(change),
                            .done = [asker](absl::Status status) { (*asker)(std::move(status)); }};
  if (!invalidations_.TryPush(std::move(invalidation))) {
    incomplete_ = true;
    (*asker)(absl::ResourceExhaustedError("too many invalidations wait for the disk"));
  }
}

void DiskTier::NoteHit(const AnswerKey& key) {
  {
    absl::MutexLock lock(mutex_);
    ++hits_[key];
    const bool due = clock_.SteadyNow() - hits_written_ >= kHitsInterval;
    if (!due && hits_.size() < kMaxHits) return;
    hits_written_ = clock_.SteadyNow();
  }
  WriteHits();
}

void DiskTier::WriteHits() {
  std::vector<std::pair<AnswerKey, std::uint32_t>> hits;
  {
    absl::MutexLock lock(mutex_);
    hits.assign(hits_.begin(), hits_.end());
    hits_.clear();
  }
  if (!hits.empty()) Judge(store_->AddHits(hits));
}

TierCounts DiskTier::counts() const {
  return {.entries = store_->entries(),
          .used_bytes = store_->bytes(),
          .max_bytes = max_bytes_,
          .stores = stores_.load(std::memory_order_relaxed),
          .evicted_for_room = store_->evicted(),
          .expired = store_->expired(),
          .damaged = damaged_.load(std::memory_order_relaxed),
          .errors = errors_.load(std::memory_order_relaxed)};
}

}  // namespace chasqui::cache
