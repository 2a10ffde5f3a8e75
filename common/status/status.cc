// SPDX-License-Identifier: Apache-2.0
#include "common/status/status.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"

namespace chasqui::status {
namespace {

std::string TypeUrl(const google::protobuf::Message& detail) {
  return absl::StrCat("type.googleapis.com/", detail.GetDescriptor()->full_name());
}

void Attach(absl::Status& error, const google::protobuf::Message& detail) {
  error.SetPayload(TypeUrl(detail), absl::Cord(detail.SerializeAsString()));
}

void AttachRetry(absl::Status& error, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(delay.count() / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.count() % 1000) * 1'000'000);
  Attach(error, info);
}

}  // namespace

absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status error(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kDomain));
  Attach(error, info);
  return error;
}

absl::Status InvalidArgument(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad;
  for (const FieldViolation& violation : violations) {
    auto& out = *bad.add_field_violations();
    out.set_field(violation.field);
    out.set_description(violation.description);
  }
  absl::Status error =
      Error(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
            absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& violation) {
              absl::StrAppend(out, violation.field, ": ", violation.description);
            }));
  Attach(error, bad);
  return error;
}

absl::Status InvalidArgument(std::string_view field, std::string_view description) {
  return InvalidArgument({{std::string(field), std::string(description)}});
}

absl::Status NotFound(std::string_view resource_type, std::string_view resource_name,
                      std::string_view description) {
  absl::Status error =
      absl::NotFoundError(absl::StrCat(resource_type, " '", resource_name, "': ", description));
  google::rpc::ResourceInfo info;
  info.set_resource_type(std::string(resource_type));
  info.set_resource_name(std::string(resource_name));
  info.set_description(std::string(description));
  Attach(error, info);
  return error;
}

absl::Status ResourceExhausted(std::string_view reason, std::string_view message,
                               std::chrono::milliseconds retry_delay) {
  absl::Status error = Error(absl::StatusCode::kResourceExhausted, reason, message);
  AttachRetry(error, retry_delay);
  return error;
}

absl::Status QuotaExceeded(std::string_view reason, std::string_view message,
                           std::string_view subject, std::chrono::milliseconds retry_delay) {
  absl::Status error = ResourceExhausted(reason, message, retry_delay);
  google::rpc::QuotaFailure failure;
  auto& violation = *failure.add_violations();
  violation.set_subject(std::string(subject));
  violation.set_description(std::string(message));
  Attach(error, failure);
  return error;
}

absl::Status Unavailable(std::string_view reason, std::string_view message,
                         std::chrono::milliseconds retry_delay) {
  absl::Status error = Error(absl::StatusCode::kUnavailable, reason, message);
  AttachRetry(error, retry_delay);
  return error;
}

absl::Status WithDetail(absl::Status error, const google::protobuf::Message& detail) {
  Attach(error, detail);
  return error;
}

absl::Status WithRetryDelay(absl::Status error, std::chrono::milliseconds retry_delay) {
  AttachRetry(error, retry_delay);
  return error;
}

std::optional<std::chrono::milliseconds> RetryDelay(const absl::Status& error) {
  google::rpc::RetryInfo info;
  if (!GetDetail(error, info)) return std::nullopt;
  return std::chrono::seconds(info.retry_delay().seconds()) +
         std::chrono::milliseconds(info.retry_delay().nanos() / 1'000'000);
}

std::string ErrorReason(const absl::Status& error) {
  google::rpc::ErrorInfo info;
  return GetDetail(error, info) ? info.reason() : std::string();
}

std::vector<FieldViolation> FieldViolations(const absl::Status& error) {
  google::rpc::BadRequest bad;
  std::vector<FieldViolation> violations;
  if (!GetDetail(error, bad)) return violations;
  for (const auto& violation : bad.field_violations()) {
    violations.push_back({violation.field(), violation.description()});
  }
  return violations;
}

bool GetDetail(const absl::Status& error, google::protobuf::Message& detail) {
  if (error.ok()) return false;
  const std::optional<absl::Cord> payload = error.GetPayload(TypeUrl(detail));
  return payload.has_value() && detail.ParseFromString(std::string(*payload));
}

bool IsRetryable(const absl::Status& error) {
  return absl::IsUnavailable(error) || absl::IsResourceExhausted(error);
}

}  // namespace chasqui::status
