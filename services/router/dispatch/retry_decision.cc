// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/retry_decision.h"

#include "common/status/status.h"

namespace chasqui::router {

Ending EndingOf(const absl::Status& status) {
  if (status.ok()) return Ending::kAnswered;
  if (absl::IsUnavailable(status)) return Ending::kUnreachable;
  if (absl::IsResourceExhausted(status) && status::ErrorReason(status) == kWorkerFullReason) {
    return Ending::kFull;
  }
  const bool own_fault =
      absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsDataLoss(status);
  return own_fault ? Ending::kFailed : Ending::kDone;
}

AfterFailure Decide(const FailedAttempt& attempt, int max_attempts) {
  if (attempt.relayed) return AfterFailure::kPassOn;
  switch (EndingOf(attempt.error)) {
    case Ending::kFull:
      return AfterFailure::kWorkerFull;
    case Ending::kUnreachable:
      return attempt.attempts < max_attempts ? AfterFailure::kTryElsewhere : AfterFailure::kPassOn;
    case Ending::kAnswered:
    case Ending::kFailed:
    case Ending::kDone:
      return AfterFailure::kPassOn;
  }
  return AfterFailure::kPassOn;
}

}  // namespace chasqui::router
