// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/file_key_source.h"

#include <utility>
#include <vector>

#include <sys/stat.h>

#include "common/config/problems.h"

namespace chasqui::router {

FileKeySource::FileKeySource(Options options, observability::Metrics& metrics,
                             observability::Logger log)
    : options_(std::move(options)),
      log_(std::move(log)),
      reads_(metrics.AddCounters("chasqui_router_keys_reads_total",
                                 "Times the file of keys was read, by result: ok, failed.",
                                 {"result"})),
      keys_(metrics.AddGauge("chasqui_router_keys",
                             "Keys and certificates that the file of keys names.")),
      table_(std::make_shared<const KeyTable>()) {
  for (const char* result : {"ok", "failed"}) reads_.With({result});
  Refresh();
  thread_.emplace("keys", options_.interval, [this] { Refresh(); });
}

std::shared_ptr<const Grant> FileKeySource::FindKey(std::string_view key) const {
  const std::optional<std::string_view> id = ApiKeyId(key);
  if (!id.has_value()) return nullptr;
  const std::shared_ptr<const KeyTable> keys = table();
  const KeyTable::Key* found = keys->FindKey(*id);
  if (found == nullptr || !SameHash(found->hash, HashApiKey(key))) return nullptr;
  return found->grant;
}

std::shared_ptr<const Grant> FileKeySource::FindCertificate(std::string_view identity) const {
  return table()->FindCertificate(identity);
}

bool FileKeySource::Refresh() {
  absl::MutexLock lock(refreshing_);
  // Before it is read: what changes while it is being read is seen the next time.
  const std::optional<Stamp> stamp = Look(options_.path);
  if (looked_ && stamp == seen_) return false;
  looked_ = true;
  seen_ = stamp;
  config::Problems problems;
  auto table = std::make_shared<const KeyTable>(
      LoadKeyTable(options_.path, options_.tenant_defaults, problems));
  if (!problems.empty()) {
    reads_.With({"failed"}).Increment();
    for (const std::string& problem : std::move(problems).Take()) {
      log_.Warn("the file of keys is wrong; the keys that were before hold",
                {{"problem", problem}});
    }
    return false;
  }
  reads_.With({"ok"}).Increment();
  keys_.Set(static_cast<double>(table->size()));
  log_.Info("keys read", {{"file", options_.path}, {"keys", table->size()}});
  absl::MutexLock table_lock(mutex_);
  table_ = std::move(table);
  return true;
}

std::optional<FileKeySource::Stamp> FileKeySource::Look(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Stamp{.device = status.st_dev,
               .inode = status.st_ino,
               .size = status.st_size,
               .changed_ns = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

std::shared_ptr<const KeyTable> FileKeySource::table() const {
  absl::MutexLock lock(mutex_);
  return table_;
}

}  // namespace chasqui::router
