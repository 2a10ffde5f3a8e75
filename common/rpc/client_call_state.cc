// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/client_call_state.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/log/check.h"
#include "common/rpc/grpc_status.h"

namespace chasqui::rpc::internal {
namespace {

constexpr char kStopping[] = "this process is stopping";

gpr_timespec ToTimespec(time::SteadyTime when) {
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch());
  return gpr_time_from_nanos(since_epoch.count(), GPR_CLOCK_MONOTONIC);
}

std::optional<std::string_view> Find(
    const std::multimap<grpc::string_ref, grpc::string_ref>& metadata, std::string_view key) {
  const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
  if (found == metadata.end()) return std::nullopt;
  return std::string_view(found->second.data(), found->second.size());
}

}  // namespace

ClientState::ClientState(Loop& loop, CallOptions options) : loop_(loop), dead_(loop.stopping()) {
  DCHECK(loop.IsCurrent());
  time::SteadyTime deadline = options.deadline;
  if (options.parent != nullptr) {
    deadline = std::min(deadline, options.parent->deadline());
    parent_hook_ = options.parent->OnCancel([this] { Cancel(); });
  }
  if (deadline != time::SteadyTime::max()) context_.set_deadline(ToTimespec(deadline));
  if (options.wait_for_ready) context_.set_wait_for_ready(true);
  for (const auto& [key, value] : options.metadata) context_.AddMetadata(key, value);
  loop_.AddCancellable(*this);
}

ClientState::~ClientState() { loop_.RemoveCancellable(*this); }

void ClientState::Detach() {
  attached_ = false;
  parent_hook_ = CancelHook();
  if (operations_ == 0) {
    delete this;
  } else {
    Cancel();
  }
}

void ClientState::OperationEnded() {
  if (--operations_ == 0 && !attached_) delete this;
}

void ClientState::ResumeAndEnd(std::coroutine_handle<>& coroutine) {
  // The coroutine may destroy the handle; this operation keeps the state until the end.
  if (coroutine && attached_) std::exchange(coroutine, nullptr).resume();
  OperationEnded();
}

UnaryState::UnaryState(Loop& loop, const Channel& channel, const std::string& method,
                       const grpc::ByteBuffer& request, CallOptions options)
    : ClientState(loop, std::move(options)), over_(dead()) {
  if (dead()) {
    status_ = grpc::Status(grpc::StatusCode::CANCELLED, kStopping);
    return;
  }
  grpc::GenericStub stub(channel.grpc());
  reader_ = stub.PrepareUnaryCall(&context_, method, request, loop.queue());
  OperationStarted();
  reader_->StartCall();
  reader_->Finish(&response_, &status_, static_cast<Event*>(&finished_event_));
}

absl::StatusOr<grpc::ByteBuffer> UnaryState::TakeResult() {
  if (!status_.ok()) return FromGrpc(status_);
  return std::move(response_);
}

std::optional<std::string_view> UnaryState::TrailingMetadata(std::string_view key) const {
  if (dead() || !over_) return std::nullopt;
  return Find(context_.GetServerTrailingMetadata(), key);
}

void UnaryState::OnFinished(bool) {
  over_ = true;
  ResumeAndEnd(waiter_);
}

StreamState::StreamState(Loop& loop, const Channel& channel, const std::string& method,
                         CallOptions options)
    : ClientState(loop, std::move(options)) {
  if (dead()) {
    write_failed_ = reads_over_ = finished_ = true;
    status_ = grpc::Status(grpc::StatusCode::CANCELLED, kStopping);
    return;
  }
  stream_ = grpc::GenericStub(channel.grpc()).PrepareCall(&context_, method, loop.queue());
}

void StreamState::Start() {
  if (dead() || opened_) return;
  opened_ = true;
  OperationStarted();
  stream_->StartCall(static_cast<Event*>(&started_event_));
}

void StreamState::OpenCorked() {
  if (opened_) return;
  opened_ = true;
  // The headers wait for the first message, and no event comes for them.
  context_.set_initial_metadata_corked(true);
  stream_->StartCall(static_cast<Event*>(&started_event_));
}

bool StreamState::Write(const grpc::ByteBuffer& message, bool more_follows) {
  if (write_failed_) return false;
  grpc::WriteOptions options;
  // Headers that are held back would hold back the end of the first write.
  if (more_follows && opened_) options.set_buffer_hint();
  OpenCorked();
  writing_ = true;
  OperationStarted();
  stream_->Write(message, options, static_cast<Event*>(&written_event_));
  return true;
}

void StreamState::WriteLast(grpc::ByteBuffer message) {
  last_ = std::move(message);
  ending_ = Ending::kLastMessage;
  if (!writing_) SendEnding();
}

void StreamState::WritesDone() {
  ending_ = Ending::kHalfClose;
  if (!writing_) SendEnding();
}

void StreamState::SendEnding() {
  const Ending ending = std::exchange(ending_, Ending::kNone);
  if (write_failed_) return;
  if (ending == Ending::kLastMessage) {
    OpenCorked();
  } else {
    Start();
  }
  writing_ = true;
  OperationStarted();
  if (ending == Ending::kLastMessage) {
    stream_->WriteLast(last_, grpc::WriteOptions(), static_cast<Event*>(&written_event_));
    last_.Clear();
  } else {
    stream_->WritesDone(static_cast<Event*>(&written_event_));
  }
}

bool StreamState::ReadImmediately() {
  if (has_message_ || reads_over_) return true;
  if (!reading_) StartRead();
  return false;
}

std::optional<grpc::ByteBuffer> StreamState::TakeRead() {
  if (!has_message_) return std::nullopt;
  has_message_ = false;
  std::optional<grpc::ByteBuffer> taken(std::in_place);
  taken->Swap(&message_);
  if (!reads_over_) StartRead();
  return taken;
}

void StreamState::StartRead() {
  Start();
  reading_ = true;
  OperationStarted();
  stream_->Read(&message_, static_cast<Event*>(&read_event_));
}

void StreamState::BeginFinish(std::coroutine_handle<> coroutine) {
  finisher_ = coroutine;
  discarding_ = true;
  has_message_ = false;
  if (reads_over_) {
    StartFinish();
  } else if (!reading_) {
    StartRead();
  }
}

void StreamState::StartFinish() {
  OperationStarted();
  stream_->Finish(&status_, static_cast<Event*>(&finished_event_));
}

absl::Status StreamState::TakeStatus() const { return FromGrpc(status_); }

std::optional<std::string_view> StreamState::InitialMetadata(std::string_view key) const {
  if (!has_headers_) return std::nullopt;
  return Find(context_.GetServerInitialMetadata(), key);
}

std::optional<std::string_view> StreamState::TrailingMetadata(std::string_view key) const {
  if (dead() || !finished_) return std::nullopt;
  return Find(context_.GetServerTrailingMetadata(), key);
}

void StreamState::OnStarted(bool) { OperationEnded(); }

void StreamState::OnWritten(bool ok) {
  writing_ = false;
  if (!ok) write_failed_ = true;
  if (ending_ != Ending::kNone && attached_) SendEnding();
  ResumeAndEnd(writer_);
}

void StreamState::OnRead(bool ok) {
  reading_ = false;
  has_headers_ = true;
  if (ok) {
    has_message_ = true;
  } else {
    reads_over_ = true;
  }
  if (discarding_ && attached_) {
    has_message_ = false;
    if (reads_over_) {
      StartFinish();
    } else {
      StartRead();
    }
  }
  ResumeAndEnd(reader_);
}

void StreamState::OnFinished(bool) {
  finished_ = true;
  ResumeAndEnd(finisher_);
}

}  // namespace chasqui::rpc::internal
