// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/completion_queue.h>

#include "absl/status/status.h"
#include "common/rpc/loop.h"
#include "common/rpc/server.h"
#include "common/rpc/server_call.h"

namespace chasqui::rpc {

// Takes the calls of one loop from gRPC, finds their methods and starts their handlers; owns the
// calls under way. Owned by the server. Confined to its loop, but for the constructor and for the
// destructor, which runs when the loop has stopped.
class CallAcceptor {
 public:
  CallAcceptor(Server& server, Loop& loop, grpc::ServerCompletionQueue& queue)
      : server_(server), loop_(loop), queue_(queue) {}
  CallAcceptor(const CallAcceptor&) = delete;
  CallAcceptor& operator=(const CallAcceptor&) = delete;
  ~CallAcceptor();

  // Asks gRPC for one more call.
  void RequestCall();

  // Aborts every call under way.
  void AbortCalls(const absl::Status& status);

  // `call`, asked for before, has come.
  void OnAccepted(ServerCall& call);

 private:
  Server& server_;
  Loop& loop_;
  grpc::ServerCompletionQueue& queue_;

  friend class ServerCall;
  ServerCall* calls_ = nullptr;  // all that have been accepted and are not over
};

}  // namespace chasqui::rpc
