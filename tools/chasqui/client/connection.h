// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/tls.h"
#include "common/time/clock.h"
#include "tools/chasqui/client/interrupts.h"

namespace chasqui::cli {

// How the suite is reached.
struct ConnectionOptions {
  std::string server = "127.0.0.1:50051";
  time::Duration timeout = std::chrono::seconds(60);  // of each call, to its last message
  std::string api_key;                                // empty: none is sent
  std::string api_key_file;                           // holds the key; empty: there is none
  rpc::ClientTls tls;
  std::string server_name;  // expected in the certificate; empty: the host of `server`
};

// A channel to the suite and what every call on it needs. Confined to the main thread; lives as
// long as the subcommand.
class Connection {
 public:
  // Does not connect yet. Fails when a file of the options cannot be read.
  static absl::StatusOr<Connection> Open(const ConnectionOptions& options, Interrupts& interrupts);

  template <typename Service>
  std::unique_ptr<typename Service::Stub> NewStub() const {
    return Service::NewStub(channel_);
  }

  // A context with deadline and credentials.
  std::unique_ptr<grpc::ClientContext> NewContext() const;

  Interrupts& interrupts() const { return *interrupts_; }

  // One unary call, cancelled by Ctrl-C:
  //   connection.Call(&Stub::Tokenize, *stub, request, &response)
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    Stub& stub, const Request& request, Response* response) const {
    const std::unique_ptr<grpc::ClientContext> context = NewContext();
    const Interrupts::Scope scope(*interrupts_, [&context](int) { context->TryCancel(); });
    return rpc::FromGrpc((stub.*method)(context.get(), request, response));
  }

  // As Call, for a stream: `receive(response)` is called for each message; once it answers an error
  // the stream is cancelled, and that error is the result.
  template <typename Response, typename Reader, typename Receive>
  absl::Status Drain(grpc::ClientContext& context, Reader& reader, const Receive& receive) const {
    const Interrupts::Scope scope(*interrupts_, [&context](int) { context.TryCancel(); });
    Response response;
    absl::Status received;
    while (received.ok() && reader.Read(&response)) received = receive(response);
    if (!received.ok()) context.TryCancel();
    const absl::Status finished = rpc::FromGrpc(reader.Finish());
    return received.ok() ? finished : received;
  }

 private:
  Connection(std::shared_ptr<grpc::Channel> channel, ConnectionOptions options,
             Interrupts& interrupts);

  std::shared_ptr<grpc::Channel> channel_;
  ConnectionOptions options_;
  Interrupts* interrupts_;
};

}  // namespace chasqui::cli
