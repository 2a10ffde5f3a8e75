// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"

namespace chasqui::rpc {

struct CallOptions {
  // The call ends with DEADLINE_EXCEEDED then.
  time::SteadyTime deadline = time::SteadyTime::max();
  // Keys in lower case.
  std::vector<std::pair<std::string, std::string>> metadata;
  // Waits for a connection instead of failing with UNAVAILABLE.
  bool wait_for_ready = false;
  // The call this one is made for: its deadline holds for this one too, and its cancellation
  // cancels this one. Must outlive the ClientCall.
  ServerCall* parent = nullptr;
};

namespace internal {
class StreamState;
class UnaryState;
}  // namespace internal

// One call to a server, in raw bytes. A handle, usually a local of a coroutine: destroying it
// cancels what is not finished. Confined to its loop, which it must not outlive.
//
//   ClientCall call(loop, channel, "/pkg.Service/Stream", {.parent = &server_call});
//   call.WriteLast(request);
//   while (auto message = co_await call.Read()) ...
//   absl::Status status = co_await call.Finish();
//
// The first Write() or WriteLast() opens the call, together with its message. A call made while its
// loop stops ends with CANCELLED.
class ClientCall {
 public:
  ClientCall(Loop& loop, const Channel& channel, const std::string& method,
             CallOptions options = {});
  ClientCall(ClientCall&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ClientCall& operator=(ClientCall&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~ClientCall();

  class [[nodiscard]] ReadOp {
   public:
    bool await_ready() const;
    void await_suspend(std::coroutine_handle<> coroutine) const;
    std::optional<grpc::ByteBuffer> await_resume() const;

   private:
    friend class ClientCall;
    explicit ReadOp(internal::StreamState& state) : state_(state) {}
    internal::StreamState& state_;
  };

  class [[nodiscard]] WriteOp {
   public:
    bool await_ready() const;
    void await_suspend(std::coroutine_handle<> coroutine) const;
    bool await_resume();

   private:
    friend class ClientCall;
    WriteOp(internal::StreamState& state, grpc::ByteBuffer message, bool more_follows)
        : state_(state), message_(std::move(message)), more_follows_(more_follows) {}
    internal::StreamState& state_;
    grpc::ByteBuffer message_;
    bool more_follows_;
  };

  class [[nodiscard]] FinishOp {
   public:
    bool await_ready() const;
    void await_suspend(std::coroutine_handle<> coroutine) const;
    absl::Status await_resume() const;

   private:
    friend class ClientCall;
    explicit FinishOp(internal::StreamState& state) : state_(state) {}
    internal::StreamState& state_;
  };

  // Opens the call without a message, for a stream on which the server speaks first.
  void Start();

  // co_await call.Write(bytes): hands one message to the transport as soon as it has taken the one
  // before. False when the call is over; Finish() tells why. `more_follows`: another write comes
  // at once, the two may share a packet. One writer at a time.
  WriteOp Write(grpc::ByteBuffer message, bool more_follows = false) {
    return WriteOp(*state_, std::move(message), more_follows);
  }

  // Sends the last message and the end of the requests. At most once; no Write() after it.
  void WriteLast(grpc::ByteBuffer message);

  // Tells the server that no more messages come.
  void WritesDone();

  // co_await call.Read(): the next message, or nothing when the call is over. From the first read
  // on, one message is read ahead.
  ReadOp Read() { return ReadOp(*state_); }

  // Whether Read() would give a message at once: a relay's hint that more follows.
  bool has_message() const;

  // Ends the call with CANCELLED, any number of times.
  void Cancel();

  // co_await call.Finish(): the status, after discarding messages that were not read. Once, and as
  // the last thing.
  FinishOp Finish() { return FinishOp(*state_); }

  // The first value of a key; the initial metadata are there after the first read, the trailing
  // ones after Finish(). Valid as long as this handle.
  std::optional<std::string_view> InitialMetadata(std::string_view key) const;
  std::optional<std::string_view> TrailingMetadata(std::string_view key) const;

 private:
  internal::StreamState* state_;  // owns itself until its last operation ends
};

// One call with one request and one response, in raw bytes; cheaper than a ClientCall. A handle
// like it.
class UnaryCall {
 public:
  // Sends the request at once.
  UnaryCall(Loop& loop, const Channel& channel, const std::string& method,
            const grpc::ByteBuffer& request, CallOptions options = {});
  UnaryCall(UnaryCall&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  UnaryCall& operator=(UnaryCall&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~UnaryCall();

  class [[nodiscard]] FinishOp {
   public:
    bool await_ready() const;
    void await_suspend(std::coroutine_handle<> coroutine) const;
    absl::StatusOr<grpc::ByteBuffer> await_resume() const;

   private:
    friend class UnaryCall;
    explicit FinishOp(internal::UnaryState& state) : state_(state) {}
    internal::UnaryState& state_;
  };

  // co_await call.Finish(): the response or the error. Once.
  FinishOp Finish() { return FinishOp(*state_); }

  void Cancel();

  // After Finish().
  std::optional<std::string_view> TrailingMetadata(std::string_view key) const;

 private:
  internal::UnaryState* state_;  // owns itself until its operation ends
};

}  // namespace chasqui::rpc
