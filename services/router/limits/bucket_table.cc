// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/bucket_table.h"

#include <algorithm>
#include <utility>

namespace chasqui::router {

using resilience::GcraCost;
using resilience::GcraState;
using resilience::GcraVerdict;

std::optional<Shortage> BucketTable::Take(std::span<const Draw> draws, time::SteadyTime now,
                                          std::vector<Drawn>& drawn) {
  std::optional<Shortage> shortage;
  drawn.clear();
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const Quota& quota = *draws[i].quota;
    const auto found = buckets_.find(quota.bucket);
    const GcraState state = found != buckets_.end() ? found->second.state : GcraState();
    const std::uint64_t units = std::min(draws[i].units, quota.limit.units);
    const GcraVerdict verdict = GcraTake(quota.limit, state, GcraCost(quota.limit, units), now);
    if (!verdict.allowed && (!shortage || verdict.retry_after > shortage->retry_after)) {
      shortage = Shortage{.draw = i, .retry_after = verdict.retry_after};
    }
    drawn.push_back(
        {.bucket = quota.bucket, .limit = quota.limit, .units = units, .then = verdict.state});
  }
  if (shortage) {
    drawn.clear();
    return shortage;
  }
  for (const Drawn& one : drawn) {
    Bucket& bucket = At(one.bucket, now);
    bucket.state = one.then;
    // For a period after the last draw: until then what was drawn may still be given back.
    bucket.keep_until = std::max(one.then.full_at, now + one.limit.period);
  }
  return std::nullopt;
}

void BucketTable::Settle(const Drawn& drawn, std::uint64_t units, time::SteadyTime now) {
  // One that was forgotten has nothing to give back; what was used beyond the charge still counts.
  if (units <= drawn.units && !buckets_.contains(drawn.bucket)) return;
  Bucket& bucket = At(drawn.bucket, now);
  bucket.state = GcraSettle(bucket.state, drawn.then, GcraCost(drawn.limit, drawn.units),
                            GcraCost(drawn.limit, units), now);
  bucket.keep_until = std::max(bucket.keep_until, bucket.state.full_at);
}

BucketTable::Bucket& BucketTable::At(const std::string& name, time::SteadyTime now) {
  if (const auto found = buckets_.find(name); found != buckets_.end()) return found->second;
  if (buckets_.size() >= most_) MakeRoom(now);
  return buckets_[name];
}

void BucketTable::MakeRoom(time::SteadyTime now) {
  absl::erase_if(buckets_, [&](const auto& entry) { return entry.second.keep_until <= now; });
  if (buckets_.size() < most_) return;
  buckets_.erase(std::ranges::min_element(
      buckets_, {}, [](const auto& entry) { return entry.second.keep_until; }));
}

}  // namespace chasqui::router
