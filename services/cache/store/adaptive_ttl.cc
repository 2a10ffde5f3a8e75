// SPDX-License-Identifier: Apache-2.0
#include "services/cache/store/adaptive_ttl.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"

namespace chasqui::cache {
namespace {

constexpr double kUsualRate = 0.25;
constexpr double kWeight = 0.01;

std::string ClassOf(std::string_view model, std::string_view tenant) {
  // Neither has a zero byte in it.
  return absl::StrCat(model, std::string_view("\0", 1), tenant);
}

}  // namespace

time::Duration AdaptTtl(time::Duration base, double hit_rate, const AdaptiveTtlOptions& options) {
  const double least = options.least_percent / 100.0;
  const double most = options.most_percent / 100.0;
  const double rate = std::clamp(hit_rate, 0.0, 1.0);
  const double factor = rate < kUsualRate ? least + (1 - least) * rate / kUsualRate
                                          : 1 + (most - 1) * (rate - kUsualRate) / (1 - kUsualRate);
  return std::chrono::duration_cast<time::Duration>(base * factor);
}

void HitRates::Record(std::string_view model, std::string_view tenant, bool hit) {
  const std::string name = ClassOf(model, tenant);
  absl::MutexLock lock(mutex_);
  auto it = rates_.find(name);
  if (it == rates_.end()) {
    it = rates_.try_emplace(rates_.size() < max_classes_ ? name : std::string(), kUsualRate).first;
  }
  it->second += kWeight * ((hit ? 1.0 : 0.0) - it->second);
}

double HitRates::Of(std::string_view model, std::string_view tenant) const {
  absl::MutexLock lock(mutex_);
  auto it = rates_.find(ClassOf(model, tenant));
  if (it == rates_.end()) it = rates_.find(std::string());
  return it == rates_.end() ? kUsualRate : it->second;
}

}  // namespace chasqui::cache
