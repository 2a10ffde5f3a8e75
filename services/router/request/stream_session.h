// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/dispatch/retry_decision.h"
#include "services/router/relay/continuation.h"
#include "services/router/relay/event_tap.h"
#include "services/router/relay/relay.h"
#include "services/router/request/attempts.h"
#include "services/router/request/begun_stream.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// Takes one stream to its end for one reader, over as many workers as that needs. It begins as any
// request does; once it has begun and its worker is lost, fails or falls silent, it goes on at
// another worker with the same weights, by the tokens passed on so far. When its worker is to end,
// it looks for another place first and leaves only when it has one. A local of the call's
// coroutine. Confined to the call's loop.
class StreamSession {
 public:
  struct Options {
    RetryLimits retries;
    std::size_t max_buffered_events;
    // Longest wait of a begun stream for a worker.
    time::Duration move_timeout;
    // Silence after which a stream leaves a worker that has stopped reporting.
    time::Duration silence;
  };

  // All outlive the session. `tap` sees the events; null: nobody does.
  StreamSession(const Options& options, const Attempts& attempts, rpc::ServerCall& call,
                BegunStream& stream, RequestRecord& record, EventTap* tap = nullptr);
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;
  ~StreamSession();

  // Called when a stream that has not begun finds no place: whether the stream was changed to what
  // may find one. Before Run().
  void OnNoWorker(absl::AnyInvocable<bool(const absl::Status&)> change) {
    change_ = std::move(change);
  }

  // Once.
  rpc::Task<absl::Status> Run();

 private:
  struct Search;

  rpc::Task<AttemptEnd> Attempt(Lease lease);
  // What the next attempt asks; an error when the stream cannot go on.
  absl::StatusOr<Continuation> NextRequest();
  absl::Status AfterNoPlace(const absl::Status& why, const absl::Status& failure) const;
  void Hold(std::shared_ptr<Waiter> waiter);
  void PrepareToMove(SessionId from);
  void OnRecall(Recall why);
  void LookForAnotherPlace();
  // Gives up looking, which takes until its `over`; null when nothing was looked for.
  std::shared_ptr<Search> AbandonSearch();
  static rpc::Task<void> Run(std::shared_ptr<Search> search, SharedFleet& fleet);

  const Options& options_;
  const Attempts& attempts_;
  rpc::ServerCall& call_;
  BegunStream& stream_;
  RequestRecord& record_;
  EventTap* const tap_;
  const std::shared_ptr<Waiter> waiter_;
  std::shared_ptr<Waiter> holder_;    // whose place it is: waiter_, or one that looked for it
  std::optional<bool> moves_safely_;  // once it was asked
  StreamRelay* relay_ = nullptr;      // of the attempt under way
  SessionId at_ = 0;                  // the membership it runs on
  std::shared_ptr<Search> search_;    // for a place to move to
  absl::AnyInvocable<bool(const absl::Status&)> change_;
  bool silent_ = false;  // the attempt was cut because its worker fell silent
};

}  // namespace chasqui::router
