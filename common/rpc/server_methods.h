// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/message.h"
#include "common/rpc/server.h"
#include "common/rpc/server_call.h"

// Typed methods on top of ServerCall: requests are parsed, responses serialized. A request that
// does not parse is INVALID_ARGUMENT, one that never comes INTERNAL or CANCELLED; the function is
// not called then. The functions are coroutines that run on the call's loop and may run many times
// at once, on several loops when the server has several.
namespace chasqui::rpc {

// Writes the responses of one stream. Owned by the framework, lives as long as the handler.
template <typename Response>
class ServerWriter {
 public:
  explicit ServerWriter(ServerCall& call) : call_(call) {}

  // co_await writer.Write(response): see ServerCall::Write.
  auto Write(const Response& response, bool more_follows = false) {
    return call_.Write(Serialize(response), more_follows);
  }
  // See ServerCall::WriteLast.
  void WriteLast(const Response& response) { call_.WriteLast(Serialize(response)); }

 private:
  ServerCall& call_;
};

// Reads the requests of one stream. Owned by the framework, lives as long as the handler.
template <typename Request>
class ServerReader {
 public:
  explicit ServerReader(ServerCall& call) : call_(call) {}

  // co_await reader.Read(): the next request; OUT_OF_RANGE after the last one, INVALID_ARGUMENT
  // when it does not parse.
  Task<absl::StatusOr<Request>> Read() {
    std::optional<grpc::ByteBuffer> bytes = co_await call_.Read();
    if (!bytes.has_value()) co_return absl::OutOfRangeError("no more requests");
    Request request;
    if (!Parse(*bytes, request)) co_return internal::Unparsable(Request::descriptor()->full_name());
    co_return request;
  }

 private:
  ServerCall& call_;
};

template <typename Request, typename Response>
using UnaryFunction =
    absl::AnyInvocable<Task<absl::StatusOr<Response>>(ServerCall&, Request) const>;

template <typename Request, typename Response>
using ServerStreamFunction =
    absl::AnyInvocable<Task<absl::Status>(ServerCall&, Request, ServerWriter<Response>&) const>;

template <typename Request, typename Response>
using BidiStreamFunction = absl::AnyInvocable<Task<absl::Status>(
    ServerCall&, ServerReader<Request>&, ServerWriter<Response>&) const>;

// `path` is "/package.Service/Method".
template <typename Request, typename Response>
void RegisterUnary(Server& server, std::string path, UnaryFunction<Request, Response> function,
                   MethodOptions options = {}) {
  server.Register(
      std::move(path), MethodKind::kUnary,
      [function = std::move(function)](ServerCall& call) -> Task<absl::Status> {
        absl::StatusOr<Request> request = co_await ServerReader<Request>(call).Read();
        if (!request.ok()) co_return internal::RequestError(request.status());
        absl::StatusOr<Response> response = co_await function(call, *std::move(request));
        if (!response.ok()) co_return std::move(response).status();
        call.WriteLast(Serialize(*response));
        co_return absl::OkStatus();
      },
      options);
}

template <typename Request, typename Response>
void RegisterServerStream(Server& server, std::string path,
                          ServerStreamFunction<Request, Response> function,
                          MethodOptions options = {}) {
  server.Register(
      std::move(path), MethodKind::kServerStream,
      [function = std::move(function)](ServerCall& call) -> Task<absl::Status> {
        absl::StatusOr<Request> request = co_await ServerReader<Request>(call).Read();
        if (!request.ok()) co_return internal::RequestError(request.status());
        ServerWriter<Response> writer(call);
        co_return co_await function(call, *std::move(request), writer);
      },
      options);
}

template <typename Request, typename Response>
void RegisterBidiStream(Server& server, std::string path,
                        BidiStreamFunction<Request, Response> function,
                        MethodOptions options = {}) {
  server.Register(
      std::move(path), MethodKind::kBidiStream,
      [function = std::move(function)](ServerCall& call) -> Task<absl::Status> {
        ServerReader<Request> reader(call);
        ServerWriter<Response> writer(call);
        co_return co_await function(call, reader, writer);
      },
      options);
}

}  // namespace chasqui::rpc
