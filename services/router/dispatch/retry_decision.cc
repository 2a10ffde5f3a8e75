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

AfterFailure Decide(const FailedAttempt& attempt, const RetryLimits& limits) {
  const Ending ending = EndingOf(attempt.error);
  if (ending == Ending::kFull && (!attempt.begun || attempt.not_taken)) {
    return AfterFailure::kWorkerFull;
  }
  if (!attempt.begun) {
    return ending == Ending::kUnreachable && attempt.attempts < limits.attempts
               ? AfterFailure::kTryElsewhere
               : AfterFailure::kPassOn;
  }
  const bool lost = ending == Ending::kUnreachable || ending == Ending::kFailed ||
                    absl::IsCancelled(attempt.error);
  const bool not_taken = attempt.not_taken && !absl::IsDeadlineExceeded(attempt.error);
  return (lost || not_taken) && attempt.moves < limits.moves ? AfterFailure::kMove
                                                             : AfterFailure::kPassOn;
}

}  // namespace chasqui::router
