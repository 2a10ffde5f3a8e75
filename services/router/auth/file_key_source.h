// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/auth_config.pb.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/time/clock.h"
#include "services/router/auth/key_source.h"
#include "services/router/auth/key_table.h"

namespace chasqui::router {

// The keys of a file, read again when the file becomes another one (by what it is linked to, its
// inode, size or time of change). A file that is gone or wrong changes nothing: the keys that were
// hold, with a warning and a count, until it is right again. A thread of its own looks at the
// file. Thread-safe.
class FileKeySource final : public KeySource {
 public:
  struct Options {
    std::string path;
    time::Duration interval;
    config::v1::Limits tenant_defaults;
  };

  // Reads the file once; if it is wrong then, there are no keys until it is right. `metrics`
  // outlives it.
  FileKeySource(Options options, observability::Metrics& metrics, observability::Logger log);

  std::shared_ptr<const Grant> FindKey(std::string_view key) const override;
  std::shared_ptr<const Grant> FindCertificate(std::string_view identity) const override;

  // Looks at the file now; whether there are other keys than before. Blocks. Called by the thread,
  // and by tests.
  bool Refresh();

 private:
  // What tells one state of a file from another; nothing: it is not there.
  struct Stamp {
    std::uint64_t device;
    std::uint64_t inode;
    std::int64_t size;
    std::int64_t changed_ns;
    bool operator==(const Stamp&) const = default;
  };

  static std::optional<Stamp> Look(const std::string& path);
  std::shared_ptr<const KeyTable> table() const;

  const Options options_;
  const observability::Logger log_;
  observability::MetricFamily<observability::Counter>& reads_;  // result
  observability::Gauge& keys_;
  absl::Mutex refreshing_;  // held while reading
  std::optional<Stamp> seen_ ABSL_GUARDED_BY(refreshing_);
  bool looked_ ABSL_GUARDED_BY(refreshing_) = false;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const KeyTable> table_ ABSL_GUARDED_BY(mutex_);
  std::optional<concurrency::Periodic> thread_;  // last: works on all of the above
};

}  // namespace chasqui::router
