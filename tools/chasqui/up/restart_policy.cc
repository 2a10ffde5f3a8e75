// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/restart_policy.h"

#include <algorithm>

namespace chasqui::cli {

std::optional<time::Duration> RestartPolicy::Died(time::Duration life) {
  if (life >= kGoodLife) deaths_ = 0;
  if (++deaths_ >= kMostDeaths) return std::nullopt;
  constexpr auto kFirst = std::chrono::milliseconds(250);
  constexpr auto kLongest = std::chrono::milliseconds(5000);
  return std::min(kFirst * (1 << (deaths_ - 1)), kLongest);
}

}  // namespace chasqui::cli
