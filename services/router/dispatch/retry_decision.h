// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "services/router/dispatch/dispatcher.h"

namespace chasqui::router {

// What becomes of a request after an attempt on a worker that failed.
enum class AfterFailure {
  kPassOn,        // the client gets the error as it is
  kTryElsewhere,  // the worker could not be reached or is leaving: another one, and one attempt
                  // spent
  kWorkerFull,    // the worker has no slot: another one or the queue, no attempt spent
};

// How the attempt went.
struct FailedAttempt {
  const absl::Status& error;
  // Whether an event of it reached the client, or may have.
  bool relayed = false;
  // Attempts made, this one included.
  int attempts = 1;
};

// The reason in a worker's ErrorInfo when it has no slot free; sent before any work.
inline constexpr char kWorkerFullReason[] = "WORKER_FULL";

// How the attempt that ended with `status` leaves its place.
Ending EndingOf(const absl::Status& status);

AfterFailure Decide(const FailedAttempt& attempt, int max_attempts);

}  // namespace chasqui::router
