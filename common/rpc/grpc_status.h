// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

// The one place where errors change between absl::Status and grpc::Status. Thread-safe.
namespace chasqui::rpc {

// The trailing metadata that tells a client's retry policy when to try again.
inline constexpr char kRetryPushbackKey[] = "grpc-retry-pushback-ms";

// Payloads that are google.rpc details become `grpc-status-details-bin`; other payloads stay here.
// What would not fit the clients' header limit (8 KiB) is shortened: the message first, then the
// largest details left out.
grpc::Status ToGrpc(const absl::Status& status);

// Details become payloads.
absl::Status FromGrpc(const grpc::Status& status);

// The same, for errors that are told in a message.
google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& proto);

// The value for kRetryPushbackKey: what RetryInfo says, in milliseconds; nothing when the error has
// none.
std::optional<std::string> RetryPushback(const absl::Status& status);

}  // namespace chasqui::rpc
