// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/client_methods.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "tests/support/run_on.h"

namespace chasqui::rpc {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;
using testing::RunOn;

inline StringValue Text(std::string text) {
  StringValue value;
  value.set_value(std::move(text));
  return value;
}

// A server on a free port, and a client loop with a channel to it. Register methods on server(),
// then Start(). The service is always called "test.Echo".
class RpcTest : public ::testing::Test {
 protected:
  explicit RpcTest(ServerOptions options = {}) : server_(std::move(options)) {}

  void Start() {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    channel_.emplace(*Channel::Create(server_.local_address(), {}));
  }

  Server& server() { return server_; }
  Loop& loop() { return loop_; }
  const Channel& channel() { return *channel_; }

  // Calls a unary method and waits.
  absl::StatusOr<StringValue> Call(const std::string& method, const StringValue& request,
                                   CallOptions options = {}) {
    return RunOn(loop_, [&] {
      return CallUnary<StringValue>(loop_, *channel_, method, request, std::move(options));
    });
  }

  // /test.Echo/Unary answers with the request.
  static void RegisterEcho(Server& server) {
    RegisterUnary<StringValue, StringValue>(
        server, "/test.Echo/Unary",
        [](ServerCall&, StringValue request) -> Task<absl::StatusOr<StringValue>> {
          co_return request;
        });
  }
  void RegisterEcho() { RegisterEcho(server_); }

  // /test.Echo/Count streams 0, 1, 2 ... up to the request, as fast as the client takes them.
  void RegisterCount() {
    RegisterServerStream<Int64Value, Int64Value>(
        server_, "/test.Echo/Count",
        [](ServerCall&, Int64Value request,
           ServerWriter<Int64Value>& writer) -> Task<absl::Status> {
          Int64Value value;
          for (int64_t i = 0; i < request.value(); ++i) {
            value.set_value(i);
            if (!co_await writer.Write(value)) co_return absl::CancelledError();
          }
          co_return absl::OkStatus();
        });
  }

 private:
  Server server_;
  std::optional<Channel> channel_;
  Loop loop_{"client"};  // last: the calls of the test end before the server does
};

}  // namespace chasqui::rpc
