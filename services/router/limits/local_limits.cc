// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/local_limits.h"

namespace chasqui::router {

std::optional<LocalLimits::Refusal> LocalLimits::Take(std::span<const Quota* const> places,
                                                      std::span<const Draw> draws,
                                                      std::vector<Drawn>& drawn) {
  const time::SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(mutex_);
  for (const Quota* place : places) {
    const auto found = under_way_.find(place->bucket);
    if (found != under_way_.end() && found->second >= place->limit.units) {
      return Refusal{.quota = place, .retry_after = std::nullopt};
    }
  }
  if (const std::optional<Shortage> shortage = table_.Take(draws, now, drawn)) {
    return Refusal{.quota = draws[shortage->draw].quota, .retry_after = shortage->retry_after};
  }
  for (const Quota* place : places) ++under_way_[place->bucket];
  return std::nullopt;
}

void LocalLimits::Leave(std::span<const std::string> places) {
  absl::MutexLock lock(mutex_);
  for (const std::string& place : places) {
    const auto found = under_way_.find(place);
    if (--found->second == 0) under_way_.erase(found);
  }
}

void LocalLimits::Settle(std::span<const Drawn> drawn, std::uint64_t units) {
  const time::SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(mutex_);
  for (const Drawn& one : drawn) table_.Settle(one, units, now);
}

}  // namespace chasqui::router
