// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/server_call.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include "absl/log/check.h"
#include "common/rpc/call_acceptor.h"
#include "common/rpc/decompress.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/server.h"

namespace chasqui::rpc {

CancelHook& CancelHook::operator=(CancelHook&& other) noexcept {
  if (this == &other) return *this;
  Unlink();
  fn_ = std::move(other.fn_);
  CancelHook** place = other.place_;
  other.Unlink();
  if (place != nullptr) Link(place);
  return *this;
}

void CancelHook::Link(CancelHook** place) {
  place_ = place;
  next_ = *place;
  if (next_ != nullptr) next_->place_ = &next_;
  *place = this;
}

void CancelHook::Unlink() {
  if (place_ == nullptr) return;
  *place_ = next_;
  if (next_ != nullptr) next_->place_ = place_;
  place_ = nullptr;
}

ServerCall::ServerCall(CallAcceptor& acceptor, Loop& loop) : acceptor_(acceptor), loop_(loop) {
  context_.AsyncNotifyWhenDone(static_cast<Event*>(&done_event_));
}

ServerCall::~ServerCall() {
  while (hooks_ != nullptr) hooks_->Unlink();
  if (place_ == nullptr) return;
  *place_ = next_;
  if (next_ != nullptr) next_->place_ = place_;
}

std::optional<std::string_view> ServerCall::Metadata(std::string_view key) const {
  const auto& metadata = context_.client_metadata();
  const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
  if (found == metadata.end()) return std::nullopt;
  return std::string_view(found->second.data(), found->second.size());
}

std::string ServerCall::PeerIdentity() const {
  const std::shared_ptr<const grpc::AuthContext> connection = context_.auth_context();
  if (connection == nullptr || !connection->IsPeerAuthenticated()) return {};
  for (const char* property :
       {GRPC_PEER_URI_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME, GRPC_X509_CN_PROPERTY_NAME}) {
    const std::vector<grpc::string_ref> values = connection->FindPropertyValues(property);
    if (!values.empty()) return {values.front().data(), values.front().size()};
  }
  return {};
}

time::SteadyTime ServerCall::deadline() const {
  const gpr_timespec raw = context_.raw_deadline();
  if (gpr_time_cmp(raw, gpr_inf_future(raw.clock_type)) == 0) return time::SteadyTime::max();
  const gpr_timespec steady = gpr_convert_clock_type(raw, GPR_CLOCK_MONOTONIC);
  return time::SteadyTime(std::chrono::seconds(steady.tv_sec) +
                          std::chrono::nanoseconds(steady.tv_nsec));
}

CancelHook ServerCall::OnCancel(absl::AnyInvocable<void()> fn) {
  CancelHook hook;
  hook.fn_ = std::move(fn);
  hook.Link(&hooks_);
  if (cancelled_) {
    // Not from in here: the caller is not yet ready for it. The call may end before that.
    loop_.Start([](ServerCall& call) -> Task<void> {
      ++call.operations_;
      co_await call.loop_.Yield();
      call.RunCancelHooks();
      call.OperationEnded();
    }(*this));
  }
  return hook;
}

void ServerCall::Abort(absl::Status status) {
  if (cancelled_) return;
  aborted_ = std::move(status);
  MarkBroken();
  RunCancelHooks();
}

bool ServerCall::ReadImmediately() {
  if (broken_) return true;
  DCHECK(!reading_) << "a second read";
  reading_ = true;
  OperationStarted();
  stream_.Read(&read_buffer_, static_cast<Event*>(&read_event_));
  return false;
}

std::optional<grpc::ByteBuffer> ServerCall::TakeRead() {
  if (broken_ || !read_ok_) return std::nullopt;
  read_ok_ = false;
  std::optional<grpc::ByteBuffer> taken(std::in_place);
  taken->Swap(&read_buffer_);
  return taken;
}

bool ServerCall::StartWrite(const grpc::ByteBuffer& message, bool more_follows) {
  if (broken_) return false;
  grpc::WriteOptions options;
  ChooseCompression(message, options);
  // The first write brings the headers along, and headers that are held back hold back its end.
  if (more_follows && wrote_) options.set_buffer_hint();
  wrote_ = true;
  writing_ = true;
  OperationStarted();
  stream_.Write(message, options, static_cast<Event*>(&written_event_));
  if (method_->observer != nullptr) method_->observer->OnMessageSent();
  return true;
}

void ServerCall::ChooseCompression(const grpc::ByteBuffer& message, grpc::WriteOptions& options) {
  const int from_bytes = acceptor_.server_.options_.compress_from_bytes;
  if (from_bytes == 0) return;
  // A level, and not an algorithm: gRPC then takes one that the client says it knows, or none. Set
  // with the first message, so that a refusal stays trailers alone.
  if (!context_.compression_level_set()) context_.set_compression_level(GRPC_COMPRESS_LEVEL_LOW);
  if (message.Length() < static_cast<std::size_t>(from_bytes)) options.set_no_compression();
}

bool ServerCall::DecompressRead() {
  if (!IsCompressed(read_buffer_)) return true;
  const int max_bytes = acceptor_.server_.options_.max_request_bytes;
  absl::StatusOr<grpc::ByteBuffer> plain =
      Decompress(read_buffer_, static_cast<std::size_t>(std::max(max_bytes, 0)));
  if (!plain.ok()) {
    Abort(std::move(plain).status());
    return false;
  }
  read_buffer_.Swap(&*plain);
  return true;
}

void ServerCall::MarkBroken() {
  cancelled_ = true;
  broken_ = true;
  if (reader_) loop_.Resume(std::exchange(reader_, nullptr));
  if (writer_) loop_.Resume(std::exchange(writer_, nullptr));
}

void ServerCall::RunCancelHooks() {
  while (hooks_ != nullptr) {
    // A hook may destroy itself or others.
    auto fn = std::move(hooks_->fn_);
    hooks_->Unlink();
    fn();
  }
}

void ServerCall::Begin(const Method& method, std::optional<concurrency::Gate::Pass> pass) {
  method_ = &method;
  pass_ = std::move(pass);
  ++operations_;
  loop_.Start(Drive(*this, method.handler(*this)));
}

Task<void> ServerCall::Drive(ServerCall& call, Task<absl::Status> handler) {
  absl::Status status = co_await std::move(handler);
  if (call.aborted_.ok()) {
    co_await call.Flush();
  } else {
    co_await call.Settle();
  }
  call.Finish(call.aborted_.ok() ? status : call.aborted_);
  call.OperationEnded();
}

// A message handed to the transport before the call was aborted is not to be lost: a status that is
// sent while it is under way overtakes it.
Task<void> ServerCall::Settle() {
  if (!writing_) co_return;
  OneShot<bool> settled;
  settled_ = &settled;
  const auto grace = acceptor_.server_.options_.abort_grace;
  const Loop::Timer timer = loop_.After(grace, [&settled] { settled.Set(false); });
  const bool gone_out = co_await settled;
  settled_ = nullptr;
  // The status, too, would wait for the reader.
  if (!gone_out) context_.TryCancel();
}

void ServerCall::Refuse(const absl::Status& status) { Finish(status); }

void ServerCall::Finish(const absl::Status& status) {
  told_ = status.code();
  if (const auto pushback = RetryPushback(status)) {
    context_.AddTrailingMetadata(kRetryPushbackKey, *pushback);
  }
  OperationStarted();
  auto* tag = static_cast<Event*>(&finished_event_);
  if (last_.has_value() && !broken_) {
    grpc::WriteOptions options;
    ChooseCompression(*last_, options);
    stream_.WriteAndFinish(*last_, options, ToGrpc(status), tag);
    last_.reset();
    if (method_->observer != nullptr) method_->observer->OnMessageSent();
  } else {
    stream_.Finish(ToGrpc(status), tag);
  }
}

void ServerCall::OperationStarted() {
  loop_.OperationStarted();
  ++operations_;
}

void ServerCall::OperationEnded() {
  if (--operations_ > 0) return;
  if (method_ != nullptr && method_->observer != nullptr) {
    const auto now = time::SteadyNow();
    if (cancelled_ && aborted_.ok()) {
      told_ =
          now >= deadline() ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled;
    }
    method_->observer->OnHandled(told_, now - started_);
  }
  delete this;
}

void ServerCall::OnAccepted(bool ok) {
  if (!ok) {
    // The server is shutting down: this call never was, and its done event never comes.
    delete this;
    return;
  }
  OperationStarted();  // ended by OnDone
  started_ = time::SteadyNow();
  place_ = &acceptor_.calls_;
  next_ = acceptor_.calls_;
  if (next_ != nullptr) next_->place_ = &next_;
  acceptor_.calls_ = this;
  acceptor_.OnAccepted(*this);
}

void ServerCall::OnDone(bool) {
  if (context_.IsCancelled() && !cancelled_) {
    MarkBroken();
    RunCancelHooks();
  }
  OperationEnded();
}

void ServerCall::OnRead(bool ok) {
  reading_ = false;
  ok = ok && DecompressRead();
  read_ok_ = ok;
  if (ok && method_->observer != nullptr) method_->observer->OnMessageReceived();
  if (reader_) std::exchange(reader_, nullptr).resume();
  OperationEnded();
}

void ServerCall::OnWritten(bool ok) {
  writing_ = false;
  // Why it failed is said by OnDone, which runs the hooks.
  if (!ok) broken_ = true;
  if (settled_ != nullptr) settled_->Set(true);
  if (writer_) std::exchange(writer_, nullptr).resume();
  OperationEnded();
}

void ServerCall::OnFinished(bool) {
  pass_.reset();
  OperationEnded();
}

}  // namespace chasqui::rpc
