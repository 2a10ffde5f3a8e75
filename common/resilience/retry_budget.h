// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace chasqui::resilience {

// Bounds how many requests are being tried again at one time to a part of the requests there are,
// so that retries cannot multiply the load of a fleet that fails. As Envoy's retry budget: a limit
// on concurrency, not on a rate. Reads no clock. Outlives its guards. Thread-safe.
class RetryBudget {
 public:
  struct Options {
    // In percent of the active requests.
    std::uint32_t percent = 20;
    // So many may always.
    std::uint32_t least = 3;
  };

  // Gives back what was counted when it is destroyed. Thread-compatible.
  class [[nodiscard]] Guard {
   public:
    explicit Guard(std::atomic<std::uint32_t>& count) : count_(&count) {}
    Guard(Guard&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      std::swap(count_, other.count_);
      return *this;
    }
    ~Guard() {
      if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    std::atomic<std::uint32_t>* count_;
  };

  explicit RetryBudget(Options options) : options_(options) {}
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // Counts a request for as long as the guard lives.
  Guard Begin();
  // Counts a retry until the guard ends, which is when the retry has begun to be answered or has
  // failed; nothing when the budget is spent.
  std::optional<Guard> TryRetry();

 private:
  const Options options_;
  std::atomic<std::uint32_t> active_ = 0;
  std::atomic<std::uint32_t> retries_ = 0;
};

}  // namespace chasqui::resilience
