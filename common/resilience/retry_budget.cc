// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/retry_budget.h"

#include <algorithm>

namespace chasqui::resilience {

RetryBudget::Guard RetryBudget::Begin() {
  active_.fetch_add(1, std::memory_order_relaxed);
  return Guard(active_);
}

std::optional<RetryBudget::Guard> RetryBudget::TryRetry() {
  const std::uint64_t active = active_.load(std::memory_order_relaxed);
  const std::uint64_t most =
      std::max<std::uint64_t>(options_.least, active * options_.percent / 100);
  std::uint32_t retries = retries_.load(std::memory_order_relaxed);
  do {
    if (retries >= most) return std::nullopt;
  } while (!retries_.compare_exchange_weak(retries, retries + 1, std::memory_order_relaxed));
  return Guard(retries_);
}

}  // namespace chasqui::resilience
