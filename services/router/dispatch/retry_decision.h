// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "services/router/dispatch/dispatcher.h"

namespace chasqui::router {

// What becomes of a request after an attempt on a worker that failed.
enum class AfterFailure {
  kPassOn,        // the client gets the error
  kTryElsewhere,  // the worker could not be reached or is leaving: another one, and one attempt
                  // spent
  kWorkerFull,    // the worker has no slot: another one or the queue, no attempt spent
  kMove,          // the stream has begun: it goes on at another worker, and one move is spent
};

// How the attempt went.
struct FailedAttempt {
  const absl::Status& error;
  // Whether the client has a part of the answer, from this attempt or a former one.
  bool begun = false;
  // Whether the attempt was to go on with a stream that had begun elsewhere, and added nothing.
  bool not_taken = false;
  // Attempts made, this one included.
  int attempts = 1;
  // Moves made so far.
  int moves = 0;
};

// How often a request is tried.
struct RetryLimits {
  // Most attempts to begin it.
  int attempts;
  // Most moves after it has begun; 0: it ends with the worker's failure.
  int moves;
};

// The reason in a worker's ErrorInfo when it has no slot free; sent before any work.
inline constexpr char kWorkerFullReason[] = "WORKER_FULL";

// How the attempt that ended with `status` leaves its place.
Ending EndingOf(const absl::Status& status);

// A stream that has begun moves when its worker is lost or fails by its own fault, a call that
// ended as cancelled though nobody cancelled it included. When the next worker does not take it,
// whatever it says, there may be another that does.
AfterFailure Decide(const FailedAttempt& attempt, const RetryLimits& limits);

}  // namespace chasqui::router
