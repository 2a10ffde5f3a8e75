// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/client_call.h"

#include "common/rpc/client_call_state.h"

namespace chasqui::rpc {

ClientCall::ClientCall(Loop& loop, const Channel& channel, const std::string& method,
                       CallOptions options)
    : state_(new internal::StreamState(loop, channel, method, std::move(options))) {}

ClientCall::~ClientCall() {
  if (state_ != nullptr) state_->Detach();
}

bool ClientCall::ReadOp::await_ready() const { return state_.ReadImmediately(); }
void ClientCall::ReadOp::await_suspend(std::coroutine_handle<> coroutine) const {
  state_.set_reader(coroutine);
}
std::optional<grpc::ByteBuffer> ClientCall::ReadOp::await_resume() const {
  return state_.TakeRead();
}

bool ClientCall::WriteOp::await_ready() const { return state_.CanWrite(); }
void ClientCall::WriteOp::await_suspend(std::coroutine_handle<> coroutine) const {
  state_.set_writer(coroutine);
}
bool ClientCall::WriteOp::await_resume() { return state_.Write(message_, more_follows_); }

bool ClientCall::FinishOp::await_ready() const { return state_.dead(); }
void ClientCall::FinishOp::await_suspend(std::coroutine_handle<> coroutine) const {
  state_.BeginFinish(coroutine);
}
absl::Status ClientCall::FinishOp::await_resume() const { return state_.TakeStatus(); }

void ClientCall::Start() { state_->Start(); }
void ClientCall::WriteLast(grpc::ByteBuffer message) { state_->WriteLast(std::move(message)); }
void ClientCall::WritesDone() { state_->WritesDone(); }
bool ClientCall::has_message() const { return state_->has_message(); }
void ClientCall::Cancel() { state_->Cancel(); }

std::optional<std::string_view> ClientCall::InitialMetadata(std::string_view key) const {
  return state_->InitialMetadata(key);
}
std::optional<std::string_view> ClientCall::TrailingMetadata(std::string_view key) const {
  return state_->TrailingMetadata(key);
}

UnaryCall::UnaryCall(Loop& loop, const Channel& channel, const std::string& method,
                     const grpc::ByteBuffer& request, CallOptions options)
    : state_(new internal::UnaryState(loop, channel, method, request, std::move(options))) {}

UnaryCall::~UnaryCall() {
  if (state_ != nullptr) state_->Detach();
}

bool UnaryCall::FinishOp::await_ready() const { return state_.over(); }
void UnaryCall::FinishOp::await_suspend(std::coroutine_handle<> coroutine) const {
  state_.set_waiter(coroutine);
}
absl::StatusOr<grpc::ByteBuffer> UnaryCall::FinishOp::await_resume() const {
  return state_.TakeResult();
}

void UnaryCall::Cancel() { state_->Cancel(); }
std::optional<std::string_view> UnaryCall::TrailingMetadata(std::string_view key) const {
  return state_->TrailingMetadata(key);
}

}  // namespace chasqui::rpc
