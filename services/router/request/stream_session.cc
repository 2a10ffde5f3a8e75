// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/stream_session.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "services/router/relay/worker_channel.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr char kPath[] = "/chasqui.inference.v1.InferenceService/StreamGenerate";
constexpr std::chrono::milliseconds kRetryAfterFailure = 1s;

std::string_view MoveReason(const absl::Status& error, bool silent) {
  if (silent) return "silent";
  return absl::IsUnavailable(error) || absl::IsCancelled(error) ? "lost" : "failed";
}

}  // namespace

// A place to move to, looked for while the stream goes on where it is.
struct StreamSession::Search {
  std::shared_ptr<Waiter> waiter;
  std::optional<Lease> found;
  rpc::OneShot<bool> over;
  absl::AnyInvocable<void()> on_found;  // null: nobody wants it any more
};

StreamSession::StreamSession(const Options& options, const Attempts& attempts,
                             rpc::ServerCall& call, BegunStream& stream, RequestRecord& record,
                             EventTap* tap)
    : options_(options),
      attempts_(attempts),
      call_(call),
      stream_(stream),
      record_(record),
      tap_(tap),
      waiter_(std::make_shared<Waiter>(call.loop())) {
  static_cast<Ticket&>(*waiter_) = stream.ticket;
  waiter_->movable = options.retries.moves > 0;
  waiter_->deadline = call.deadline();
  Hold(waiter_);
  if (stream.log.begun()) PrepareToMove(0);
}

StreamSession::~StreamSession() {
  holder_->on_recall = nullptr;
  AbandonSearch();
}

// The place is this ticket's, and so are its recalls.
void StreamSession::Hold(std::shared_ptr<Waiter> waiter) {
  if (holder_ != nullptr) holder_->on_recall = nullptr;
  holder_ = std::move(waiter);
  holder_->on_recall = [this](Recall why) { OnRecall(why); };
}

rpc::Task<absl::Status> StreamSession::Run() {
  absl::Status failure;
  std::optional<resilience::RetryBudget::Guard> retry;
  // Each turn is one attempt. It ends: attempts and moves are counted, and what is not counted
  // waits for a worker's next report or follows a worker that is to end.
  for (;;) {
    std::optional<Lease> lease;
    if (search_ != nullptr && search_->found.has_value()) {
      lease.emplace(*std::move(search_->found));
      Hold(std::exchange(search_, nullptr)->waiter);
    } else {
      // Both tickets have one place in the queue: the one must have left before the other comes.
      if (const auto search = AbandonSearch()) co_await search->over;
      Hold(waiter_);
      absl::StatusOr<Lease> waited = co_await attempts_.Wait(call_, waiter_, record_);
      if (!waited.ok()) {
        if (!stream_.log.begun() && change_ != nullptr && change_(waited.status())) {
          waiter_->model = stream_.ticket.model;
          continue;
        }
        co_return AfterNoPlace(waited.status(), failure);
      }
      lease.emplace(*std::move(waited));
    }
    record_.refused = false;
    at_ = lease->place().session;
    lease->Hold(std::exchange(retry, std::nullopt));
    const bool had_begun = stream_.log.begun();
    AttemptEnd end = co_await Attempt(*std::move(lease));
    stream_.finished = record_.progress.finished();
    if (end.status.ok() || call_.cancelled()) co_return end.status;
    waiter_->refusable = false;
    if (search_ != nullptr && search_->found.has_value()) {
      attempts_.metrics().moves.With({record_.model, record_.tenant, "drained"}).Increment();
      PrepareToMove(at_);
      continue;
    }
    if (silent_) {
      end.status = status::Unavailable("WORKER_SILENT",
                                       absl::StrCat("worker '", record_.worker, "' fell silent"),
                                       kRetryAfterFailure);
    }
    const bool begun = stream_.log.begun();
    const bool not_taken = had_begun && !end.relayed;
    const AfterFailure next = Decide({.error = end.status,
                                      .begun = begun,
                                      .not_taken = not_taken,
                                      .attempts = record_.attempts,
                                      .moves = record_.moves},
                                     options_.retries);
    // What a worker says that does not take a stream over is less to the point than why it had to.
    if (!not_taken || failure.ok()) failure = Explain(end.status, begun, record_.worker);
    switch (next) {
      case AfterFailure::kPassOn:
        co_return failure;
      case AfterFailure::kWorkerFull:
        attempts_.metrics().retries.With({record_.model, record_.tenant, "full"}).Increment();
        --record_.attempts;
        break;
      case AfterFailure::kTryElsewhere:
        if (!(retry = attempts_.TryRetry()).has_value()) co_return failure;
        attempts_.metrics()
            .retries.With({record_.model, record_.tenant, "unreachable"})
            .Increment();
        waiter_->avoid.push_back(at_);
        break;
      case AfterFailure::kMove:
        attempts_.metrics()
            .moves.With({record_.model, record_.tenant, MoveReason(end.status, silent_)})
            .Increment();
        ++record_.moves;
        PrepareToMove(at_);
        break;
    }
  }
}

absl::Status StreamSession::AfterNoPlace(const absl::Status& why,
                                         const absl::Status& failure) const {
  if (failure.ok() || call_.cancelled()) return why;
  record_.refused = false;
  if (!stream_.log.begun()) {
    // That the worker failed says more than that there is no other.
    return absl::IsUnavailable(why) ? failure : why;
  }
  return status::Error(failure.code(), status::ErrorReason(failure),
                       absl::StrCat(failure.message(), "; no other could go on: ", why.message()));
}

// From here on only the weights it began with will do, and it takes what it can get.
void StreamSession::PrepareToMove(SessionId from) {
  if (from != 0) waiter_->avoid.push_back(from);
  if (!stream_.log.begun()) return;
  if (const auto started = stream_.log.ReadStarted(); started.ok()) {
    waiter_->fingerprint = started->model_fingerprint();
  }
  waiter_->refusable = false;
  waiter_->outlasts_workers = true;
  waiter_->max_wait = options_.move_timeout;
}

absl::StatusOr<Continuation> StreamSession::NextRequest() {
  if (!stream_.log.begun()) return Continuation{.request = stream_.request};
  return Continue(stream_.request, stream_.log, time::SteadyNow() - stream_.arrived);
}

rpc::Task<AttemptEnd> StreamSession::Attempt(Lease lease) {
  silent_ = false;
  absl::StatusOr<Continuation> next = NextRequest();
  if (!next.ok()) co_return AttemptEnd{.status = std::move(next).status()};
  attempts_.Count(lease.place(), record_);
  const rpc::Channel& channel = lease.place().channel->For(call_.loop());
  UpstreamStream upstream(call_.loop(), channel, kPath, attempts_.UpstreamOptions(call_, record_));
  upstream.WriteLast(next->request);
  StreamRelay relay(call_, std::move(upstream), std::move(lease),
                    {.max_buffered = options_.max_buffered_events,
                     .seen_events = next->seen_events,
                     .fingerprint = std::move(next->fingerprint),
                     .tap = tap_},
                    stream_.log, record_.progress);
  relay_ = &relay;
  AttemptEnd end = co_await relay.Run();
  relay_ = nullptr;
  co_return end;
}

void StreamSession::OnRecall(Recall why) {
  if (relay_ == nullptr || relay_->cut()) return;
  if (why == Recall::kDraining) {
    if (!moves_safely_.has_value()) moves_safely_ = MovesSafely(stream_.request);
    if (*moves_safely_) LookForAnotherPlace();
    return;
  }
  // Others of its streams may flow on: reports come by another connection.
  if (relay_->SilentFor(time::SteadyNow()) < options_.silence) return;
  silent_ = true;
  relay_->Cut(Ending::kUnreachable);
}

void StreamSession::LookForAnotherPlace() {
  if (search_ != nullptr && !search_->over.is_set()) return;
  search_ = std::make_shared<Search>();
  search_->waiter = std::make_shared<Waiter>(call_.loop());
  static_cast<Ticket&>(*search_->waiter) = *waiter_;
  search_->waiter->avoid.push_back(at_);
  search_->waiter->refusable = false;
  search_->waiter->outlasts_workers = false;
  if (const auto started = stream_.log.ReadStarted(); started.ok()) {
    search_->waiter->fingerprint = started->model_fingerprint();
  }
  search_->on_found = [this] { relay_->Cut(Ending::kDone); };
  call_.loop().Start(Run(search_, attempts_.fleet()));
}

rpc::Task<void> StreamSession::Run(std::shared_ptr<Search> search, SharedFleet& fleet) {
  absl::StatusOr<Lease> lease = co_await fleet.Acquire(search->waiter);
  if (lease.ok() && search->on_found != nullptr) {
    search->found.emplace(*std::move(lease));
    search->on_found();
  }
  search->over.Set(true);
}

std::shared_ptr<StreamSession::Search> StreamSession::AbandonSearch() {
  if (search_ == nullptr) return nullptr;
  search_->on_found = nullptr;
  search_->waiter->GiveUp();
  return std::exchange(search_, nullptr);
}

}  // namespace chasqui::router
