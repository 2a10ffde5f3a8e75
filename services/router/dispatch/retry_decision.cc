// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/retry_decision.h"

#include "common/status/status.h"

namespace chasqui::router {

AfterFailure Decide(const FailedAttempt& attempt, int max_attempts) {
  if (attempt.relayed) return AfterFailure::kPassOn;
  if (absl::IsResourceExhausted(attempt.error) &&
      status::ErrorReason(attempt.error) == kWorkerFullReason) {
    return AfterFailure::kWorkerFull;
  }
  if (absl::IsUnavailable(attempt.error) && attempt.attempts < max_attempts) {
    return AfterFailure::kTryElsewhere;
  }
  return AfterFailure::kPassOn;
}

}  // namespace chasqui::router
