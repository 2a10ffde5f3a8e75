// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/concurrency/gate.h"
#include "common/rpc/event.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/time/clock.h"

namespace chasqui::rpc {

class CallAcceptor;
struct Method;
class ServerCall;

// Serves the calls of a method: reads, writes, and returns the status the client is told. Runs on
// the call's loop. A handler that returns an error without having written anything is answered by
// trailers alone, so that the client's retry policy still applies.
using Handler = absl::AnyInvocable<Task<absl::Status>(ServerCall&) const>;

// A function to be called when a call is cancelled, for as long as the hook lives. Confined to the
// call's loop.
class [[nodiscard]] CancelHook {
 public:
  CancelHook() = default;
  CancelHook(CancelHook&& other) noexcept { *this = std::move(other); }
  CancelHook& operator=(CancelHook&& other) noexcept;
  ~CancelHook() { Unlink(); }

 private:
  friend class ServerCall;
  void Link(CancelHook** place);
  void Unlink();

  absl::AnyInvocable<void()> fn_;
  CancelHook* next_ = nullptr;
  CancelHook** place_ = nullptr;  // what points here; nullptr = in no list
};

// One call from a client, in raw bytes. Owned by the server, which keeps it until the handler has
// returned and the status is sent; a handler gets a reference. Confined to its loop.
class ServerCall {
  class ReadOp;
  class WriteOp;
  class FlushOp;

 public:
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

  Loop& loop() const { return loop_; }

  // "/package.Service/Method".
  std::string_view method() const { return context_.method(); }

  // The first value of this metadata key (lower case); valid as long as the call.
  std::optional<std::string_view> Metadata(std::string_view key) const;

  // "ipv4:10.0.0.7:41234"; tells where the connection comes from, proves nothing.
  std::string peer() const { return context_.peer(); }

  // Whom the client's certificate names, once TLS has verified it: its first URI, else its first
  // DNS name, else its common name. Empty: it showed none. Costs a walk over the connection's
  // properties.
  std::string PeerIdentity() const;

  // When the client stops waiting; time::SteadyTime::max() when it never does.
  time::SteadyTime deadline() const;

  // Whether the client is gone (cancelled, deadline passed, disconnected) or the server aborted the
  // call: reads and writes fail from then on, and what the handler returns matters no more.
  bool cancelled() const { return cancelled_; }

  // Calls `fn` once when the call is cancelled, or soon if it already is.
  CancelHook OnCancel(absl::AnyInvocable<void()> fn);

  // Must come before the first write.
  void AddInitialMetadata(const std::string& key, const std::string& value) {
    context_.AddInitialMetadata(key, value);
  }
  void AddTrailingMetadata(const std::string& key, const std::string& value) {
    context_.AddTrailingMetadata(key, value);
  }

  // co_await call.Read(): the next message, or nothing when the client has sent all of them or the
  // call is cancelled. One read at a time.
  ReadOp Read();

  // co_await call.Write(bytes): hands one message to the transport as soon as it has taken the one
  // before, so that the caller prepares the next while this one goes out; false when the call is
  // cancelled. `more_follows`: another write or the end comes at once, the two may share a packet.
  // A slow reader holds the writer up: at most one message waits here. One writer at a time.
  WriteOp Write(grpc::ByteBuffer message, bool more_follows = false);

  // co_await call.Flush(): waits until the transport has taken the last written message; false when
  // the call is cancelled.
  FlushOp Flush();

  // Keeps the last message to be sent together with the status. At most once; no Write() after it.
  void WriteLast(grpc::ByteBuffer message) { last_ = std::move(message); }
  // What WriteLast() was given, until the handler has returned.
  const std::optional<grpc::ByteBuffer>& last_message() const { return last_; }

  // Ends the call with `status` as soon as the handler returns, and makes cancelled() true for it.
  // A message that is on its way goes out before; when that takes longer than
  // ServerOptions::abort_grace, the call is cut off and the client is told CANCELLED. Does nothing
  // when the call is cancelled already.
  void Abort(absl::Status status);

 private:
  friend class CallAcceptor;

  ServerCall(CallAcceptor& acceptor, Loop& loop);
  ~ServerCall();

  class ReadOp {
   public:
    bool await_ready() const { return call_.ReadImmediately(); }
    void await_suspend(std::coroutine_handle<> coroutine) const { call_.reader_ = coroutine; }
    std::optional<grpc::ByteBuffer> await_resume() const { return call_.TakeRead(); }

   private:
    friend class ServerCall;
    explicit ReadOp(ServerCall& call) : call_(call) {}
    ServerCall& call_;
  };

  class WriteOp {
   public:
    bool await_ready() const { return !call_.writing_ || call_.broken_; }
    void await_suspend(std::coroutine_handle<> coroutine) const { call_.writer_ = coroutine; }
    bool await_resume() { return call_.StartWrite(message_, more_follows_); }

   private:
    friend class ServerCall;
    WriteOp(ServerCall& call, grpc::ByteBuffer message, bool more_follows)
        : call_(call), message_(std::move(message)), more_follows_(more_follows) {}
    ServerCall& call_;
    grpc::ByteBuffer message_;
    bool more_follows_;
  };

  class FlushOp {
   public:
    bool await_ready() const { return !call_.writing_ || call_.broken_; }
    void await_suspend(std::coroutine_handle<> coroutine) const { call_.writer_ = coroutine; }
    bool await_resume() const { return !call_.broken_; }

   private:
    friend class ServerCall;
    explicit FlushOp(ServerCall& call) : call_(call) {}
    ServerCall& call_;
  };

  bool ReadImmediately();
  std::optional<grpc::ByteBuffer> TakeRead();
  bool StartWrite(const grpc::ByteBuffer& message, bool more_follows);
  // Has the message compressed or not, as size and client allow. Before it is written.
  void ChooseCompression(const grpc::ByteBuffer& message, grpc::WriteOptions& options);
  // Decompresses what was read if need be; false, and the call is aborted, when that fails.
  bool DecompressRead();
  void MarkBroken();
  void RunCancelHooks();

  // Called by the acceptor: runs the handler to its end and answers.
  void Begin(const Method& method, std::optional<concurrency::Gate::Pass> pass);
  void Refuse(const absl::Status& status);
  void Finish(const absl::Status& status);
  void OperationStarted();
  void OperationEnded();  // may delete this

  void OnAccepted(bool ok);
  void OnDone(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);

  static Task<void> Drive(ServerCall& call, Task<absl::Status> handler);
  // Waits for the write under way, but not for a reader that may never read.
  Task<void> Settle();

  CallAcceptor& acceptor_;
  Loop& loop_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  EventOf<ServerCall, &ServerCall::OnAccepted> accepted_event_{*this};
  EventOf<ServerCall, &ServerCall::OnDone> done_event_{*this};
  EventOf<ServerCall, &ServerCall::OnRead> read_event_{*this};
  EventOf<ServerCall, &ServerCall::OnWritten> written_event_{*this};
  EventOf<ServerCall, &ServerCall::OnFinished> finished_event_{*this};

  const Method* method_ = nullptr;  // nullptr until accepted, and for unknown methods
  std::optional<concurrency::Gate::Pass> pass_;
  time::SteadyTime started_;
  int operations_ = 0;  // operations under way, and the running handler
  bool reading_ = false;
  bool writing_ = false;
  bool wrote_ = false;
  bool broken_ = false;  // reads and writes fail
  bool cancelled_ = false;
  bool read_ok_ = false;
  grpc::ByteBuffer read_buffer_;
  std::coroutine_handle<> reader_;
  std::coroutine_handle<> writer_;
  OneShot<bool>* settled_ = nullptr;  // what Settle() waits for
  std::optional<grpc::ByteBuffer> last_;
  absl::Status aborted_;  // OK unless aborted
  absl::StatusCode told_ = absl::StatusCode::kOk;
  CancelHook* hooks_ = nullptr;
  ServerCall* next_ = nullptr;  // the acceptor's list of calls under way
  ServerCall** place_ = nullptr;
};

inline ServerCall::ReadOp ServerCall::Read() { return ReadOp(*this); }
inline ServerCall::WriteOp ServerCall::Write(grpc::ByteBuffer message, bool more_follows) {
  return WriteOp(*this, std::move(message), more_follows);
}
inline ServerCall::FlushOp ServerCall::Flush() { return FlushOp(*this); }

}  // namespace chasqui::rpc
