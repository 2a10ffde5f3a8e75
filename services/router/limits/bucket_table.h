// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/resilience/gcra.h"
#include "common/time/clock.h"
#include "services/router/limits/quota.h"

namespace chasqui::router {

// So much of a quota; more than the quota's units count as those.
struct Draw {
  const Quota* quota;
  std::uint64_t units;
};

// What was charged to one bucket, for settling.
struct Drawn {
  std::string bucket;
  resilience::GcraLimit limit;
  std::uint64_t units;
  resilience::GcraState then;
};

// Which of the draws there was no room for, and when there will be.
struct Shortage {
  std::size_t draw;
  time::Duration retry_after;
};

// What is used of quotas, in memory. A bucket that nobody drew from for so long that it is as good
// as a new one is forgotten; where more than `most` are in use at once, those of one moment are all
// forgotten that have come back, and when none has, the one that will have soonest. Pure but for
// what it holds. Thread-compatible.
class BucketTable {
 public:
  explicit BucketTable(std::size_t most) : most_(most) {}

  // Takes all of `draws`, which count requests or tokens, or none: then the one is told that takes
  // longest to come back. `drawn` gets what was charged.
  std::optional<Shortage> Take(std::span<const Draw> draws, time::SteadyTime now,
                               std::vector<Drawn>& drawn);

  // What was drawn came to `units`.
  void Settle(const Drawn& drawn, std::uint64_t units, time::SteadyTime now);

  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    resilience::GcraState state;
    time::SteadyTime keep_until;
  };

  Bucket& At(const std::string& name, time::SteadyTime now);
  void MakeRoom(time::SteadyTime now);

  const std::size_t most_;
  absl::flat_hash_map<std::string, Bucket> buckets_;
};

}  // namespace chasqui::router
