// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/answer_visit.h"

#include <chrono>
#include <utility>

#include "common/rpc/grpc_status.h"
#include "common/rpc/message.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/router/relay/event_kind.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using cache::v1::LookupRequest;
using cache::v1::LookupResponse;
using inference::v1::AnswerSource;
using inference::v1::StreamGenerateResponse;

AnswerSource SourceOf(const LookupResponse& response) {
  if (response.outcome() == cache::v1::OUTCOME_FOLLOW) return inference::v1::ANSWER_SOURCE_SHARED;
  switch (response.tier()) {
    case cache::v1::TIER_REDIS:
      return inference::v1::ANSWER_SOURCE_REDIS;
    case cache::v1::TIER_DISK:
      return inference::v1::ANSWER_SOURCE_DISK;
    default:
      return inference::v1::ANSWER_SOURCE_MEMORY;
  }
}

std::string_view NameOf(cache::v1::Outcome outcome) {
  switch (outcome) {
    case cache::v1::OUTCOME_HIT:
      return "hit";
    case cache::v1::OUTCOME_FOLLOW:
      return "follow";
    case cache::v1::OUTCOME_LEAD:
      return "lead";
    case cache::v1::OUTCOME_MISS:
      return "miss";
    default:
      return "alone";
  }
}

// Whether whoever asks the same is told the same.
bool IsOfTheRequest(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

absl::Status NotRemembered() {
  return status::Error(absl::StatusCode::kNotFound, "NO_ANSWER_REMEMBERED",
                       "no answer to this request is remembered, and it asks for no other");
}

std::string TextOf(const grpc::ByteBuffer& event) {
  std::string text;
  rpc::AppendBytes(event, text);
  return text;
}

grpc::ByteBuffer BytesOf(const std::string& event) {
  const grpc::Slice slice(event);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

AnswerVisit::AnswerVisit(CacheAccess& access, rpc::ServerCall& call, BegunStream& stream,
                         RequestRecord& record, Question question)
    : access_(access),
      call_(call),
      stream_(stream),
      record_(record),
      question_(std::move(question)),
      reader_{.request_id = record.request_id, .include_timings = question_.include_timings} {}

AnswerVisit::~AnswerVisit() { Abandon(); }

void AnswerVisit::Abandon() {
  if (conversation_ == nullptr) return;
  conversation_->Cancel();
  conversation_ = nullptr;
  leads_ = false;
}

rpc::Task<std::optional<absl::Status>> AnswerVisit::Take() {
  if (!access_.Usable(time::SteadyNow())) {
    access_.Count("away");
    co_return GoOnAlone();
  }
  conversation_ = CacheConversation::Begin(call_.loop(), access_.ChannelFor(call_.loop()),
                                           question_.ask, access_.config().max_pending_bytes());
  const auto on_cancel = call_.OnCancel([this] { conversation_->Cancel(); });
  std::optional<LookupResponse> response = co_await conversation_->ReadWithin(
      access_.timeout(),
      [&access = access_](time::SteadyTime since) { return access.HeardSince(since); });
  if (call_.cancelled()) co_return absl::CancelledError("the client is gone");
  if (!response.has_value()) {
    access_.Failed(time::SteadyNow(), co_await conversation_->WhyOver());
    access_.Count("away");
    co_return GoOnAlone();
  }
  access_.Succeeded(time::SteadyNow());
  access_.Count(NameOf(response->outcome()));
  co_return co_await Receive(*std::move(response));
}

std::optional<absl::Status> AnswerVisit::GoOnAlone() {
  conversation_ = nullptr;
  if (!only_remembered()) return std::nullopt;
  if (!stream_.log.begun()) return NotRemembered();
  return status::Unavailable("ANSWER_LOST",
                             "the one who made the answer is lost, and it asks for no other", 1s);
}

rpc::Task<std::optional<absl::Status>> AnswerVisit::Receive(LookupResponse response) {
  for (;;) {
    switch (response.outcome()) {
      case cache::v1::OUTCOME_LEAD:
        Lead();
        co_return std::nullopt;
      case cache::v1::OUTCOME_ALONE:
      case cache::v1::OUTCOME_MISS:
        shared_tokens_ = CountTokens(stream_.log.Seen());
        co_return GoOnAlone();
      case cache::v1::OUTCOME_HIT:
      case cache::v1::OUTCOME_FOLLOW:
        reader_.source = SourceOf(response);
        record_.answer_source = reader_.source;
        record_.refused = false;
        break;
      default:
        break;
    }
    if (response.has_failed()) co_return rpc::FromProto(response.failed());
    if (!co_await PassOn(response)) co_return absl::CancelledError("the client is gone");
    if (stream_.finished) {
      Conclude(absl::OkStatus());
      co_return absl::OkStatus();
    }
    std::optional<LookupResponse> next = co_await conversation_->Read();
    if (call_.cancelled()) co_return absl::CancelledError("the client is gone");
    if (!next.has_value()) {
      // The service is lost, and this is not the request's fault.
      shared_tokens_ = CountTokens(stream_.log.Seen());
      co_return GoOnAlone();
    }
    response = *std::move(next);
  }
}

void AnswerVisit::Lead() {
  leads_ = true;
  began_ = time::SteadyNow();
  shared_tokens_ = CountTokens(stream_.log.Seen());
}

rpc::Task<bool> AnswerVisit::PassOn(const LookupResponse& response) {
  const std::chrono::duration<double, std::milli> elapsed = time::SteadyNow() - record_.arrived;
  if (!stream_.log.begun()) reader_.elapsed_ms = elapsed.count();
  for (const std::string& event : response.events()) {
    if (!co_await PassOn(event)) co_return false;
  }
  co_return true;
}

rpc::Task<bool> AnswerVisit::PassOn(const std::string& event) {
  grpc::ByteBuffer bytes = BytesOf(ForReader(reader_, event));
  const EventKind kind = KindOf(bytes);
  const bool remembered = reader_.source != inference::v1::ANSWER_SOURCE_SHARED;
  if (kind == EventKind::kChunk && question_.replay_tokens_per_second > 0 && remembered) {
    co_await Pace(event);
  }
  stream_.log.Append(bytes);
  record_.progress.OnEvent(kind, time::SteadyNow());
  stream_.finished = record_.progress.finished();
  if (question_.whole) {
    collector_.Add(bytes);
    co_return !call_.cancelled();
  }
  if (!stream_.finished) co_return co_await call_.Write(std::move(bytes), /*more_follows=*/true);
  call_.WriteLast(std::move(bytes));
  co_return true;
}

rpc::Task<void> AnswerVisit::Pace(const std::string& chunk) {
  StreamGenerateResponse event;
  if (!event.ParseFromString(chunk)) co_return;
  const std::chrono::duration<double> pause(static_cast<double>(event.chunk().token_ids_size()) /
                                            question_.replay_tokens_per_second);
  rpc::OneShot<bool> over;
  const auto on_cancel = call_.OnCancel([&] { over.Set(false); });
  const auto timer = call_.loop().After(std::chrono::duration_cast<time::Duration>(pause),
                                        [&] { over.Set(true); });
  co_await over;
}

bool AnswerVisit::OnEvent(EventKind kind, grpc::ByteBuffer& event) {
  if (kind == EventKind::kStarted && leads_) {
    StreamGenerateResponse started;
    same_weights_ = rpc::Parse(event, started) &&
                    started.started().model_fingerprint() == question_.ask.model_fingerprint();
  }
  if (kind == EventKind::kFinished) end_ = EndOf(event);
  if (leads_ && !conversation_->Fill(TextOf(event))) {
    leads_ = false;
    conversation_ = nullptr;
  }
  if (kind == EventKind::kFinished && shared_tokens_ > 0) SetCachedTokens(shared_tokens_, event);
  if (question_.whole) collector_.Add(event);
  return !question_.whole;
}

LookupRequest AnswerVisit::DoneStep() const {
  LookupRequest last;
  auto& done = *last.mutable_done();
  done.set_remember(end_->repeatable && same_weights_);
  const time::Duration cost = time::SteadyNow() - began_ - record_.queue_wait;
  *done.mutable_cost() = service::ToProto(std::max(cost, time::Duration::zero()));
  done.set_prompt_tokens(end_->prompt_tokens);
  done.set_completion_tokens(end_->completion_tokens);
  done.set_request(TextOf(stream_.request));
  return last;
}

void AnswerVisit::Conclude(const absl::Status& status) {
  if (leads_ && status.ok() && end_.has_value()) {
    std::exchange(conversation_, nullptr)->End(DoneStep());
  } else if (leads_ && !stream_.log.begun() && IsOfTheRequest(status)) {
    LookupRequest last;
    *last.mutable_failed() = rpc::ToProto(status);
    std::exchange(conversation_, nullptr)->End(std::move(last));
  }
  leads_ = false;
  if (question_.whole && status.ok() && stream_.finished) {
    call_.WriteLast(rpc::Serialize(collector_.Take()));
  }
}

}  // namespace chasqui::router
