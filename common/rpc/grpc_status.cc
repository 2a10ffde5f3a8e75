// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/grpc_status.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::rpc {
namespace {

// Clients accept 8 KiB of headers; base64 makes details a third longer, and the message is sent
// beside them once more.
constexpr size_t kMaxMessageBytes = 1024;
constexpr int kMaxDetailsBytes = 3072;

constexpr std::string_view kDetailPrefix = "type.googleapis.com/google.rpc.";

std::string Shorten(std::string_view message) {
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  size_t end = kMaxMessageBytes - 3;
  // Not in the middle of a character.
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), "...");
}

void DropLargestUntilFit(google::rpc::Status& details) {
  size_t total = 0;
  for (const auto& detail : details.details()) total += detail.ByteSizeLong();
  auto& list = *details.mutable_details();
  while (total > kMaxDetailsBytes) {
    const auto largest = std::max_element(
        list.begin(), list.end(),
        [](const auto& a, const auto& b) { return a.ByteSizeLong() < b.ByteSizeLong(); });
    total -= largest->ByteSizeLong();
    list.erase(largest);
  }
}

}  // namespace

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(status.raw_code());
  proto.set_message(Shorten(status.message()));
  status.ForEachPayload([&](std::string_view type_url, const absl::Cord& payload) {
    if (!absl::StartsWith(type_url, kDetailPrefix)) return;
    auto& detail = *proto.add_details();
    detail.set_type_url(std::string(type_url));
    detail.set_value(std::string(payload));
  });
  DropLargestUntilFit(proto);
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  absl::Status status(static_cast<absl::StatusCode>(proto.code()), proto.message());
  for (const auto& detail : proto.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status();
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const google::rpc::Status proto = ToProto(status);
  if (proto.details().empty()) return grpc::Status(code, proto.message());
  return grpc::Status(code, proto.message(), proto.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  if (!proto.ParseFromString(status.error_details())) proto.clear_details();
  proto.set_code(status.error_code());
  proto.set_message(status.error_message());
  return FromProto(proto);
}

std::optional<std::string> RetryPushback(const absl::Status& status) {
  const auto delay = status::RetryDelay(status);
  if (!delay.has_value()) return std::nullopt;
  return absl::StrCat(delay->count());
}

}  // namespace chasqui::rpc
