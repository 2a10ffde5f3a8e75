// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/common.pb.h"
#include "common/config/checks.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/time/clock.h"

// The settings that every service shares, from their messages to the RPC library's options.
// All functions are pure and thread-safe.
namespace chasqui::service {

// Fills in the defaults that the comments of ServerConfig and its parts promise.
void SetDefaults(std::string_view listen_address, config::v1::ServerConfig& config);

// Adds what is wrong; `path` is the message's own, such as "server".
void Check(std::string_view path, const config::v1::ServerConfig& config, config::Checks& checks);
void Check(std::string_view path, const config::v1::ClientTlsConfig& config,
           config::Checks& checks);

// `name` is the prefix of the thread names; short.
rpc::ServerOptions ToOptions(std::string name, const config::v1::ServerConfig& config);
rpc::ClientTls ToClientTls(const config::v1::ClientTlsConfig& config);

// The text of a small file such as an API key's, without white space around it. NOT_FOUND when it
// cannot be read. Blocks.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

time::Duration ToDuration(const google::protobuf::Duration& duration);
google::protobuf::Duration ToProto(time::Duration duration);

}  // namespace chasqui::service
