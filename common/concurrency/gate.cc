// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/gate.h"

#include "absl/log/check.h"
#include "absl/time/time.h"

namespace chasqui::concurrency {

Gate::~Gate() {
  // Whoever let the last Pass go may still be in Leave(), telling us so.
  absl::MutexLock lock(mutex_);
  DCHECK_EQ(inside(), 0) << "a gate must outlive its passes";
}

std::optional<Gate::Pass> Gate::Enter() {
  if ((state_.fetch_add(kOne, std::memory_order_acq_rel) & kClosed) != 0) {
    Leave();
    return std::nullopt;
  }
  return Pass(this);
}

void Gate::Close() {
  absl::MutexLock lock(mutex_);
  if (state_.fetch_or(kClosed, std::memory_order_acq_rel) == 0) empty_ = true;
}

bool Gate::WaitUntilEmpty(time::Duration timeout) {
  absl::MutexLock lock(mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&empty_), absl::FromChrono(timeout));
}

void Gate::Leave() {
  int64_t state = state_.load(std::memory_order_relaxed);
  while ((state & kClosed) == 0) {
    if (state_.compare_exchange_weak(state, state - kOne, std::memory_order_acq_rel)) return;
  }
  // Closed: the last one out tells whoever waits.
  absl::MutexLock lock(mutex_);
  if (state_.fetch_sub(kOne, std::memory_order_acq_rel) == kOne + kClosed) empty_ = true;
}

}  // namespace chasqui::concurrency
