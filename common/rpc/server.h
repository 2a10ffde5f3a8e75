// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/concurrency/gate.h"
#include "common/rpc/health.h"
#include "common/rpc/loop.h"
#include "common/rpc/observer.h"
#include "common/rpc/server_call.h"
#include "common/rpc/tls.h"
#include "common/time/clock.h"

namespace chasqui::rpc {

class CallAcceptor;

struct ServerOptions {
  // Prefix of the thread names; short.
  std::string name = "rpc";
  // "host:port"; port 0 takes a free one, see Server::port(). "0.0.0.0:..." or "[::]:..." listens
  // on all addresses, "unix:/path" on a socket file.
  std::string listen = "127.0.0.1:0";
  // Threads that serve calls; state of a loop is not shared. 1 is best up to some 30,000
  // messages/s.
  int loops = 1;
  // Empty certificate = plain text.
  ServerTls tls;
  // Larger requests are RESOURCE_EXHAUSTED; of compressed ones, what comes out. 0 = unlimited.
  int max_request_bytes = 4 << 20;
  // The most bytes of metadata a request may bring. 0 = gRPC's default (8 KiB).
  int max_metadata_bytes = 16 << 10;
  // Calls under way per connection; further ones wait at the client. 0 = unlimited.
  int max_streams_per_connection = 0;
  // How often idle connections are tried, and how long the answer may take.
  std::chrono::milliseconds keepalive_time = std::chrono::seconds(60);
  std::chrono::milliseconds keepalive_timeout = std::chrono::seconds(20);
  // How often clients may ping, also while nothing else is sent: prompts take long.
  std::chrono::milliseconds min_client_ping_interval = std::chrono::seconds(10);
  // Calls accepted ahead on each loop, so that a burst need not wait for the loop.
  int calls_requested_ahead = 64;
  // Messages of at least so many bytes are sent compressed to clients that take it. 0 = none are.
  int compress_from_bytes = 0;
  // How long the message that is on its way may hold up the end of an aborted call.
  std::chrono::milliseconds abort_grace = std::chrono::milliseconds(500);
  // What else is served.
  bool reflection = true;
  bool channelz = true;
};

struct MethodOptions {
  // A background call does not hold up a drain: it is served while the server drains and ended by
  // it. For health, watches and subscriptions.
  bool background = false;
};

// A registered method.
struct Method {
  std::string path;
  MethodKind kind;
  MethodOptions options;
  Handler handler;
  MethodObserver* observer;  // may be nullptr
};

// Runs a gRPC server: its loops, its methods and what every process serves beside them (health,
// reflection, channelz). The services of a process register their methods, then Start(); the end
// is Drain(), or the destructor, which drains without grace. What the handlers use must outlive the
// server, or Drain() must have returned before it dies.
// Register*() and Start() are for one thread; Drain() blocks and is not for the loops; the rest is
// thread-safe after Start(). Does not listen to signals: see signal_waiter.h.
class Server {
 public:
  // `observer` may be nullptr; outlives the server.
  explicit Server(ServerOptions options, ServerObserver* observer = nullptr);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Decides on every call of a known method before its handler is asked; an error is what the
  // client is told. Called on the loops, must not block.
  using Guard = absl::AnyInvocable<absl::Status(const ServerCall&) const>;

  // Before Start(). At most one.
  void SetGuard(Guard guard) { guard_ = std::move(guard); }

  // Before Start(). `path` is "/package.Service/Method"; registering one twice is a defect. Typed
  // methods: server_methods.h.
  void Register(std::string path, MethodKind kind, Handler handler, MethodOptions options = {});

  // Binds and serves. Fails when the address cannot be bound or the TLS files cannot be read. All
  // health names are SERVING after it but for those set otherwise before.
  absl::Status Start();

  // The bound port; 0 before Start() and for unix sockets.
  int port() const { return port_; }
  // "127.0.0.1:port" after Start() on any IP address, for tests and for processes of one machine.
  std::string local_address() const;

  // Running from construction on.
  Loop& loop(int index = 0) { return *loops_[static_cast<size_t>(index)]; }
  int loop_count() const { return static_cast<int>(loops_.size()); }

  HealthRegistry& health() { return health_; }

  // Full names of the services that have methods here, sorted.
  std::vector<std::string> ServiceNames() const;

  // Calls under way, background ones not counted.
  int64_t calls_under_way() const { return gate_.inside(); }

  // Ends the service in order: health NOT_SERVING, new calls refused (UNAVAILABLE, to be retried
  // elsewhere), those under way awaited for at most `grace`, what is left aborted with UNAVAILABLE,
  // loops stopped. Whether all calls could end by themselves. Idempotent.
  bool Drain(time::Duration grace);

 private:
  friend class CallAcceptor;
  friend class ServerCall;

  const Method* FindMethod(std::string_view path) const;
  void AddBuiltIns();
  void LetLoopsRun();
  void AbortCalls();

  const ServerOptions options_;
  ServerObserver* const observer_;
  HealthRegistry health_;
  concurrency::Gate gate_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;  // constant after Start()
  Guard guard_;                                                        // the same; may be empty
  grpc::AsyncGenericService service_;
  grpc::ServerBuilder builder_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<CallAcceptor>> acceptors_;  // one a loop
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  bool drained_ = false;
  bool drained_in_time_ = true;
};

namespace internal {

absl::Status Unparsable(std::string_view message_name);
// What a client is told whose unary or server-stream request could not be read.
absl::Status RequestError(const absl::Status& status);

}  // namespace internal
}  // namespace chasqui::rpc
