// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/client_call.h"
#include "common/rpc/message.h"

// Typed calls on top of client_call.h.
namespace chasqui::rpc {
namespace internal {

absl::Status BadResponse(std::string_view message_name);

template <typename Response>
Task<absl::StatusOr<Response>> FinishTyped(UnaryCall call) {
  absl::StatusOr<grpc::ByteBuffer> bytes = co_await call.Finish();
  if (!bytes.ok()) co_return std::move(bytes).status();
  Response response;
  if (!Parse(*bytes, response)) co_return BadResponse(Response::descriptor()->full_name());
  co_return std::move(response);
}

}  // namespace internal

// co_await CallUnary<Response>(loop, channel, "/pkg.Service/Method", request, options). The request
// is sent at once. To be able to cancel it, give a parent, or use a UnaryCall.
template <typename Response, typename Request>
Task<absl::StatusOr<Response>> CallUnary(Loop& loop, const Channel& channel,
                                         const std::string& method, const Request& request,
                                         CallOptions options = {}) {
  return internal::FinishTyped<Response>(
      UnaryCall(loop, channel, method, Serialize(request), std::move(options)));
}

// A call with one request and a stream of responses. Confined to its loop.
template <typename Response>
class ResponseStream {
 public:
  template <typename Request>
  ResponseStream(Loop& loop, const Channel& channel, const std::string& method,
                 const Request& request, CallOptions options = {})
      : call_(loop, channel, method, std::move(options)) {
    call_.WriteLast(Serialize(request));
  }

  // co_await stream.Read(): the next response, or nothing when the call is over.
  Task<std::optional<Response>> Read() {
    const std::optional<grpc::ByteBuffer> bytes = co_await call_.Read();
    if (!bytes.has_value()) co_return std::nullopt;
    std::optional<Response> response(std::in_place);
    if (Parse(*bytes, *response)) co_return response;
    error_ = internal::BadResponse(Response::descriptor()->full_name());
    call_.Cancel();
    co_return std::nullopt;
  }

  // co_await stream.Finish(): the status; INTERNAL when a response did not parse.
  Task<absl::Status> Finish() {
    absl::Status status = co_await call_.Finish();
    co_return error_.ok() ? std::move(status) : error_;
  }

  // For cancelling and for metadata.
  ClientCall& call() { return call_; }

 private:
  ClientCall call_;
  absl::Status error_;
};

}  // namespace chasqui::rpc
