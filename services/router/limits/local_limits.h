// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"
#include "services/router/limits/bucket_table.h"
#include "services/router/limits/quota.h"

namespace chasqui::router {

// What this router itself counts: requests under way, always, and the use of rates where no Redis
// shares them. One mutex, held for a look at a few entries of a table. Owned by the Limiter.
// Thread-safe.
class LocalLimits {
 public:
  // At most `most_buckets` are remembered. `clock` outlives this.
  LocalLimits(std::size_t most_buckets, const time::Clock& clock)
      : clock_(clock), table_(most_buckets) {}

  // Enters all of `places`, quotas of concurrent requests, and takes all of `draws`, or nothing of
  // either. `drawn` gets what was charged.
  struct Refusal {
    const Quota* quota;
    std::optional<time::Duration> retry_after;  // nothing: when another request ends
  };
  std::optional<Refusal> Take(std::span<const Quota* const> places, std::span<const Draw> draws,
                              std::vector<Drawn>& drawn);
  void Leave(std::span<const std::string> places);
  void Settle(std::span<const Drawn> drawn, std::uint64_t units);

 private:
  const time::Clock& clock_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::uint64_t> under_way_ ABSL_GUARDED_BY(mutex_);
  BucketTable table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::router
