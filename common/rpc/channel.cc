// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/channel.h"

#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/status/status_macros.h"

namespace chasqui::rpc {
namespace {

int Milliseconds(std::chrono::milliseconds value) { return static_cast<int>(value.count()); }

grpc::ChannelArguments MakeArguments(const ChannelOptions& options) {
  grpc::ChannelArguments args;
  if (options.keepalive_time.count() > 0) {
    args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
    args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
    args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  }
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(options.min_reconnect_backoff));
  // Despite its name this bounds how long one attempt may take, and nothing else.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(options.connect_timeout));
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options.max_reconnect_backoff));
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, options.grpc_retries ? 1 : 0);
  args.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 1);
  // Channels to the same target must not share a connection: each belongs to the loop it serves.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!options.service_config.empty()) args.SetServiceConfigJSON(options.service_config);
  if (options.lean && options.max_response_bytes == 0 && options.service_config.empty()) {
    // The minimal stack has no message size filter, so it is only for channels without a limit; the
    // deadline filter stays by its own argument.
    args.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
    args.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1);
  }
  args.SetMaxReceiveMessageSize(options.max_response_bytes > 0 ? options.max_response_bytes : -1);
  return args;
}

}  // namespace

absl::StatusOr<Channel> Channel::Create(const std::string& target, const ChannelOptions& options) {
  ABSL_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options.tls));
  return Channel(target, grpc::CreateCustomChannel(target, credentials, MakeArguments(options)));
}

Channel::Channel(std::string target, std::shared_ptr<grpc::Channel> channel)
    : target_(std::move(target)), channel_(std::move(channel)) {}

}  // namespace chasqui::rpc
