// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "absl/status/statusor.h"
#include "common/rpc/tls.h"

namespace chasqui::rpc {

struct ChannelOptions {
  ClientTls tls;
  // How often a connection is tried, also between calls, so that a dead peer is known soon. The
  // suite's servers accept one ping in 10 s. 0 = never.
  std::chrono::milliseconds keepalive_time = std::chrono::seconds(10);
  std::chrono::milliseconds keepalive_timeout = std::chrono::seconds(5);
  // Larger responses are RESOURCE_EXHAUSTED. 0 = unlimited.
  int max_response_bytes = 0;
  // How long one attempt to connect may take.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
  // How long to wait between attempts.
  std::chrono::milliseconds min_reconnect_backoff = std::chrono::milliseconds(200);
  std::chrono::milliseconds max_reconnect_backoff = std::chrono::seconds(5);
  // gRPC's own retries after a service config; the suite retries by itself, with budgets.
  bool grpc_retries = false;
  // A JSON service config, or empty.
  std::string service_config;
  // Leaves out of gRPC what this suite does not use (compression, census, idle timeout); deadlines
  // and size limits are kept.
  bool lean = true;
};

// Where calls to one target go. Copies share the connection. Thread-safe, but calls of several
// loops are cheapest over a channel each: one loop then polls the socket alone.
//
// Programs that are not on a loop (tools, tests) give grpc() to the generated stubs of
// chasqui::proto_grpc and call them from any thread.
class Channel {
 public:
  // `target` is "host:port", "dns:///name:port" or "unix:/path". Does not connect yet. Fails only
  // when the TLS files cannot be read.
  static absl::StatusOr<Channel> Create(const std::string& target, const ChannelOptions& options);

  const std::shared_ptr<grpc::Channel>& grpc() const { return channel_; }
  const std::string& target() const { return target_; }

 private:
  Channel(std::string target, std::shared_ptr<grpc::Channel> channel);

  std::string target_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace chasqui::rpc
