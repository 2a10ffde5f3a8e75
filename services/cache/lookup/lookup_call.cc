// SPDX-License-Identifier: Apache-2.0
#include "services/cache/lookup/lookup_call.h"

#include <chrono>
#include <utility>

#include "common/rpc/grpc_status.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/cache/lookup/wire.h"

namespace chasqui::cache {
namespace {

using v1::LookupRequest;
using v1::LookupResponse;

// Of events in one message.
constexpr std::size_t kMessageBytes = 64 << 10;

absl::Status Gone() { return absl::CancelledError("the caller is gone"); }

absl::Status OutOfPlace(std::string_view expected) {
  return status::InvalidArgument("step", expected);
}

// Waits until `waiting` is woken or the call is cancelled; whether it goes on.
rpc::Task<bool> Woken(rpc::ServerCall& call, std::shared_ptr<Flight::Waiting> waiting) {
  const auto on_cancel = call.OnCancel([&waiting = *waiting] { waiting.woken.Set(false); });
  co_await waiting->woken;
  co_return !call.cancelled();
}

}  // namespace

rpc::Task<absl::Status> LookupCall::Run() {
  absl::StatusOr<LookupRequest> first = co_await reader_.Read();
  if (!first.ok()) co_return first.status();
  if (!first->has_ask()) co_return OutOfPlace("the first step must be `ask`");
  absl::StatusOr<Question> question = ReadQuestion(std::move(*first->mutable_ask()));
  if (!question.ok()) co_return question.status();
  question_ = *std::move(question);
  const AnswerKey& key = question_->key;
  const bool anew = question_->mode == v1::Ask::MODE_REFRESH;
  if (!anew) {
    // Not who makes it anew: warming would be its own reason to go on.
    shared_.top.Record(key, question_->model, shared_.clock.SteadyNow());
    if (const AnswerPtr answer = shared_.store.InMemory(key)) {
      co_return co_await SendHit(*answer, v1::TIER_MEMORY);
    }
  }
  if (!may_lead()) co_return co_await Require();
  const std::uint64_t stamp = shared_.generations.Stamp(key, question_->model, question_->tags);
  Seat seat = shared_.flights.Board(key, stamp, anew);
  switch (seat.role()) {
    case Seat::Role::kNone:
      Count(v1::OUTCOME_ALONE);
      co_return co_await End(v1::OUTCOME_ALONE);
    case Seat::Role::kFollower:
      co_return co_await Follow(std::move(seat));
    case Seat::Role::kLeader:
      if (!anew) co_return co_await Seek(std::move(seat));
      co_return co_await Lead(std::move(seat));
  }
  co_return absl::InternalError("unreachable");
}

rpc::Task<absl::Status> LookupCall::Require() {
  const std::uint64_t stamp =
      shared_.generations.Stamp(question_->key, question_->model, question_->tags);
  Seat seat = shared_.flights.Join(question_->key, stamp);
  if (seat.role() == Seat::Role::kFollower) co_return co_await Follow(std::move(seat));
  const auto hit = co_await shared_.store.Below(call_.loop(), question_->key);
  if (hit.has_value()) co_return co_await SendHit(*hit->answer, hit->tier);
  Count(v1::OUTCOME_MISS);
  co_return co_await End(v1::OUTCOME_MISS);
}

rpc::Task<absl::Status> LookupCall::Seek(Seat seat) {
  // A flight may have landed between the look and the boarding.
  std::optional<AnswerStore::Hit> hit = shared_.store.PeekMemory(question_->key);
  if (!hit.has_value()) hit = co_await shared_.store.Below(call_.loop(), question_->key);
  if (hit.has_value()) {
    seat.flight().Found(*hit->answer, hit->tier);
    co_return co_await SendHit(*hit->answer, hit->tier);
  }
  if (call_.cancelled()) co_return Gone();
  co_return co_await Lead(std::move(seat));
}

rpc::Task<absl::Status> LookupCall::Lead(Seat seat) {
  Flight& flight = seat.flight();
  flight.BeginToMake();
  Count(v1::OUTCOME_LEAD);
  LookupResponse lead;
  lead.set_outcome(v1::OUTCOME_LEAD);
  if (!co_await writer_.Write(lead)) co_return Gone();
  for (;;) {
    absl::StatusOr<LookupRequest> request = co_await reader_.Read();
    if (!request.ok()) co_return absl::IsOutOfRange(request.status()) ? Gone() : request.status();
    switch (request->step_case()) {
      case LookupRequest::kFill:
        if (const absl::Status appended = flight.Append(TakeEvents(*request->mutable_fill()));
            !appended.ok()) {
          co_return appended;
        }
        break;
      case LookupRequest::kDone:
        co_return co_await Complete(flight, std::move(*request->mutable_done()));
      case LookupRequest::kFailed:
        flight.Fail(rpc::FromProto(request->failed()));
        co_return absl::OkStatus();
      default:
        co_return OutOfPlace("must be `fill`, `done` or `failed` from who leads");
    }
  }
}

rpc::Task<absl::Status> LookupCall::Complete(Flight& flight, v1::Done done) {
  flight.Complete({.prompt_tokens = done.prompt_tokens(),
                   .completion_tokens = done.completion_tokens(),
                   .time = service::ToDuration(done.cost())});
  LookupResponse response;
  if (done.remember()) {
    const time::Duration ttl = question_->ttl.value_or(AdaptTtl(
        shared_.base_ttl, shared_.rates.Of(question_->model, question_->tenant), shared_.adaptive));
    AnswerPtr answer =
        MakeAnswer(*question_, flight, std::move(done), ttl, shared_.clock.SystemNow());
    // Who comes meanwhile finds it on this flight.
    const std::vector<v1::Tier> stored =
        co_await shared_.store.Remember(call_.loop(), std::move(answer));
    for (const v1::Tier tier : stored) response.add_stored(tier);
  }
  writer_.WriteLast(response);
  co_return absl::OkStatus();
}

rpc::Task<std::optional<v1::Tier>> LookupCall::AwaitSource(Flight& flight) {
  for (;;) {
    auto waiting = std::make_shared<Flight::Waiting>(call_.loop());
    std::optional<v1::Tier> source = flight.Source(waiting);
    if (source.has_value()) co_return source;
    if (!co_await Woken(call_, std::move(waiting))) co_return std::nullopt;
  }
}

rpc::Task<std::optional<Flight::Next>> LookupCall::Await(Flight& flight, std::size_t position) {
  for (;;) {
    auto waiting = std::make_shared<Flight::Waiting>(call_.loop());
    std::optional<Flight::Next> next = flight.After(position, may_lead(), kMessageBytes, waiting);
    if (next.has_value()) co_return next;
    if (!co_await Woken(call_, std::move(waiting))) co_return std::nullopt;
  }
}

rpc::Task<absl::Status> LookupCall::Follow(Seat seat) {
  using Kind = Flight::Next::Kind;
  Flight& flight = seat.flight();
  const std::optional<v1::Tier> source = co_await AwaitSource(flight);
  if (!source.has_value()) co_return Gone();
  LookupResponse response;
  const bool remembered = *source != v1::TIER_UNSPECIFIED;
  response.set_outcome(remembered ? v1::OUTCOME_HIT : v1::OUTCOME_FOLLOW);
  response.set_tier(*source);
  Count(response.outcome());
  // At once, so that the caller need not wait to know that it has to.
  if (!co_await writer_.Write(response)) co_return Gone();
  for (std::size_t position = 0;;) {
    std::optional<Flight::Next> next = co_await Await(flight, position);
    if (!next.has_value()) co_return Gone();
    switch (next->kind) {
      case Kind::kEvents:
        position += next->events.size();
        if (!co_await writer_.Write(EventsResponse(next->events))) co_return Gone();
        break;
      case Kind::kEnd:
        if (!remembered) shared_.metrics.coalesced.Increment();
        Saved(flight.cost());
        co_return absl::OkStatus();
      case Kind::kLead:
        seat.Promote();
        co_return co_await Lead(std::move(seat));
      case Kind::kLost:
        co_return co_await End(v1::OUTCOME_MISS);
      case Kind::kTooLong:
        co_return co_await End(v1::OUTCOME_ALONE);
      case Kind::kFailed:
        response.Clear();
        *response.mutable_failed() = rpc::ToProto(next->failure);
        writer_.WriteLast(response);
        co_return absl::OkStatus();
    }
  }
}

rpc::Task<absl::Status> LookupCall::SendHit(const StoredAnswer& answer, v1::Tier tier) {
  Count(v1::OUTCOME_HIT);
  LookupResponse response;
  response.set_outcome(v1::OUTCOME_HIT);
  response.set_tier(tier);
  SetTime(FromMicros(answer.created_us()), *response.mutable_create_time());
  std::size_t bytes = 0;
  for (const std::string& event : answer.events()) {
    if (bytes > 0 && bytes + event.size() > kMessageBytes) {
      if (!co_await writer_.Write(response, /*more_follows=*/true)) co_return Gone();
      response.Clear();
      bytes = 0;
    }
    response.add_events(event);
    bytes += event.size();
  }
  writer_.WriteLast(response);
  Saved({.prompt_tokens = answer.prompt_tokens(),
         .completion_tokens = answer.completion_tokens(),
         .time = std::chrono::microseconds(answer.cost_us())});
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> LookupCall::End(v1::Outcome outcome) {
  LookupResponse response;
  response.set_outcome(outcome);
  writer_.WriteLast(response);
  co_return absl::OkStatus();
}

void LookupCall::Count(v1::Outcome outcome) {
  shared_.metrics.Outcome(outcome).Increment();
  // Who wants it made anew says nothing of how often it is asked for.
  if (outcome == v1::OUTCOME_ALONE || question_->mode == v1::Ask::MODE_REFRESH) return;
  const bool hit = outcome == v1::OUTCOME_HIT || outcome == v1::OUTCOME_FOLLOW;
  shared_.rates.Record(question_->model, question_->tenant, hit);
}

void LookupCall::Saved(const Flight::Cost& cost) {
  shared_.metrics.saved_prompt_tokens.Increment(cost.prompt_tokens);
  shared_.metrics.saved_completion_tokens.Increment(cost.completion_tokens);
  shared_.metrics.saved_seconds.Increment(std::chrono::duration<double>(cost.time).count());
}

}  // namespace chasqui::cache
