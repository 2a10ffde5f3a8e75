// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/status/status.h"

// Errors that programs can act on: an absl::Status whose payloads are the google.rpc details, keyed
// by their type URLs. common/rpc/grpc_status carries them over the wire. The code says what the
// caller should do, the reason (UPPER_SNAKE_CASE, domain "chasqui") says which error it is.
// All functions are thread-safe.
namespace chasqui::status {

inline constexpr std::string_view kDomain = "chasqui";

// One wrong field of a request: its path ("sampling.temperature") and what would be right.
struct FieldViolation {
  std::string field;
  std::string description;

  bool operator==(const FieldViolation&) const = default;
};

// `code` with an ErrorInfo. For the errors below that have no builder of their own.
absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message);

// INVALID_ARGUMENT with a BadRequest: every problem of the request at once. `violations` must not
// be empty.
absl::Status InvalidArgument(const std::vector<FieldViolation>& violations);
absl::Status InvalidArgument(std::string_view field, std::string_view description);

// NOT_FOUND with a ResourceInfo, for example ("model", "llama-9", "no worker serves it").
absl::Status NotFound(std::string_view resource_type, std::string_view resource_name,
                      std::string_view description);

// RESOURCE_EXHAUSTED with ErrorInfo and RetryInfo: full now, back off for `retry_delay`.
absl::Status ResourceExhausted(std::string_view reason, std::string_view message,
                               std::chrono::milliseconds retry_delay);

// RESOURCE_EXHAUSTED with ErrorInfo, QuotaFailure and RetryInfo: `subject` ("key:team-a") used up
// its quota until `retry_delay` has passed.
absl::Status QuotaExceeded(std::string_view reason, std::string_view message,
                           std::string_view subject, std::chrono::milliseconds retry_delay);

// UNAVAILABLE with ErrorInfo and RetryInfo: not here or not now, retry elsewhere or later.
absl::Status Unavailable(std::string_view reason, std::string_view message,
                         std::chrono::milliseconds retry_delay);

// `error` with `detail` (a google.rpc message) added, replacing one of the same type.
absl::Status WithDetail(absl::Status error, const google::protobuf::Message& detail);

// `error` with a RetryInfo.
absl::Status WithRetryDelay(absl::Status error, std::chrono::milliseconds retry_delay);

// What RetryInfo says, or nothing when there is none.
std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& error);

// The reason of ErrorInfo, or "" when there is none.
std::string ErrorReason(const absl::Status& error);

// The violations of BadRequest; empty when there is none.
std::vector<FieldViolation> FieldViolations(const absl::Status& error);

// Reads the detail of `detail`'s type into it; false when there is none.
bool GetDetail(const absl::Status& error, google::protobuf::Message& detail);

// Whether waiting or another server may help: UNAVAILABLE and RESOURCE_EXHAUSTED.
bool IsRetryable(const absl::Status& error);

}  // namespace chasqui::status
