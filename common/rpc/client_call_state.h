// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "common/rpc/client_call.h"
#include "common/rpc/event.h"
#include "common/rpc/loop.h"

// What is behind the handles of client_call.h; included by client_call.cc only.
namespace chasqui::rpc::internal {

// What both kinds of call have. Deletes itself when neither a handle nor an operation needs it.
// Confined to its loop.
class ClientState : public Loop::Cancellable {
 public:
  ClientState(Loop& loop, CallOptions options);
  virtual ~ClientState();

  void Detach();
  void Cancel() { context_.TryCancel(); }
  void CancelForStop() override { Cancel(); }

  // Whether the loop was stopping from the beginning: no operation may start then.
  bool dead() const { return dead_; }

 protected:
  void OperationStarted() {
    loop_.OperationStarted();
    ++operations_;
  }
  // May delete this.
  void OperationEnded();

  // Resumes `coroutine`, if any, and then ends the operation; for the end of an event.
  void ResumeAndEnd(std::coroutine_handle<>& coroutine);

  Loop& loop_;
  grpc::ClientContext context_;
  grpc::Status status_;
  bool attached_ = true;

 private:
  const bool dead_;
  int operations_ = 0;
  CancelHook parent_hook_;
};

class UnaryState final : public ClientState {
 public:
  UnaryState(Loop& loop, const Channel& channel, const std::string& method,
             const grpc::ByteBuffer& request, CallOptions options);

  bool over() const { return over_; }
  void set_waiter(std::coroutine_handle<> coroutine) { waiter_ = coroutine; }
  absl::StatusOr<grpc::ByteBuffer> TakeResult();
  std::optional<std::string_view> TrailingMetadata(std::string_view key) const;

 private:
  void OnFinished(bool ok);

  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  EventOf<UnaryState, &UnaryState::OnFinished> finished_event_{*this};
  grpc::ByteBuffer response_;
  bool over_ = false;
  std::coroutine_handle<> waiter_;
};

class StreamState final : public ClientState {
 public:
  StreamState(Loop& loop, const Channel& channel, const std::string& method, CallOptions options);

  void Start();

  bool CanWrite() const { return !writing_ || write_failed_; }
  void set_writer(std::coroutine_handle<> coroutine) { writer_ = coroutine; }
  bool Write(const grpc::ByteBuffer& message, bool more_follows);
  void WriteLast(grpc::ByteBuffer message);
  void WritesDone();

  bool ReadImmediately();
  void set_reader(std::coroutine_handle<> coroutine) { reader_ = coroutine; }
  std::optional<grpc::ByteBuffer> TakeRead();
  bool has_message() const { return has_message_; }

  void BeginFinish(std::coroutine_handle<> coroutine);
  absl::Status TakeStatus() const;

  std::optional<std::string_view> InitialMetadata(std::string_view key) const;
  std::optional<std::string_view> TrailingMetadata(std::string_view key) const;

 private:
  // What is to be sent when the write under way is done.
  enum class Ending { kNone, kLastMessage, kHalfClose };

  void OpenCorked();
  void SendEnding();
  void StartRead();
  void StartFinish();

  void OnStarted(bool ok);
  void OnWritten(bool ok);
  void OnRead(bool ok);
  void OnFinished(bool ok);

  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  EventOf<StreamState, &StreamState::OnStarted> started_event_{*this};
  EventOf<StreamState, &StreamState::OnWritten> written_event_{*this};
  EventOf<StreamState, &StreamState::OnRead> read_event_{*this};
  EventOf<StreamState, &StreamState::OnFinished> finished_event_{*this};

  bool opened_ = false;
  bool writing_ = false;
  bool write_failed_ = false;
  bool reading_ = false;
  bool reads_over_ = false;
  bool has_message_ = false;  // message_ is read and not taken
  bool has_headers_ = false;  // initial metadata are there
  bool discarding_ = false;   // Finish() was asked for
  bool finished_ = false;
  Ending ending_ = Ending::kNone;
  grpc::ByteBuffer last_;
  grpc::ByteBuffer message_;
  std::coroutine_handle<> writer_;
  std::coroutine_handle<> reader_;
  std::coroutine_handle<> finisher_;
};

}  // namespace chasqui::rpc::internal
