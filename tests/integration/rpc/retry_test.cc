// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;

// A client whose retry policy retries UNAVAILABLE: gRPC does so only while it has received no
// headers, so that a retried call proves that the refusal was trailers alone. Its backoff is far
// longer than the test: a retry in time proves that the pushback was heeded.
class RetryTest : public RpcTest {
 protected:
  explicit RetryTest(ServerOptions options = {}) : RpcTest(std::move(options)) {}

  void StartWithRetries() {
    Start();
    ChannelOptions options;
    options.grpc_retries = true;
    options.service_config = R"({"methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "100s", "maxBackoff": "100s",
        "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]})";
    retrying_.emplace(*Channel::Create(server().local_address(), options));
  }

  absl::Status CallRetrying(const std::string& method) {
    return RunOn(loop(), [&]() -> Task<absl::Status> {
      ClientCall call(loop(), *retrying_, method, {.deadline = time::SteadyNow() + 20s});
      call.WriteLast(Serialize(Text("x")));
      co_return co_await call.Finish();
    });
  }

  std::atomic<int> attempts_ = 0;

 private:
  std::optional<Channel> retrying_;
};

TEST_F(RetryTest, ARefusalIsRetriedAfterItsPushback) {
  server().Register("/test.Echo/Busy", MethodKind::kServerStream,
                    [&](ServerCall& call) -> Task<absl::Status> {
                      if (++attempts_ < 3) co_return status::Unavailable("BUSY", "busy", 1ms);
                      call.WriteLast(Serialize(Text("done")));
                      co_return absl::OkStatus();
                    });
  StartWithRetries();

  EXPECT_EQ(CallRetrying("/test.Echo/Busy"), absl::OkStatus());
  EXPECT_EQ(attempts_, 3);
}

class RetryFromACompressingServer : public RetryTest {
 protected:
  RetryFromACompressingServer() : RetryTest({.compress_from_bytes = 1}) {}
};

TEST_F(RetryFromACompressingServer, ARefusalIsTrailersAloneAllTheSame) {
  server().Register("/test.Echo/Busy", MethodKind::kServerStream,
                    [&](ServerCall& call) -> Task<absl::Status> {
                      if (++attempts_ < 3) co_return status::Unavailable("BUSY", "busy", 1ms);
                      call.WriteLast(Serialize(Text("done")));
                      co_return absl::OkStatus();
                    });
  StartWithRetries();

  EXPECT_EQ(CallRetrying("/test.Echo/Busy"), absl::OkStatus());
  EXPECT_EQ(attempts_, 3);
}

TEST_F(RetryTest, AnErrorAfterAMessageIsNotRetried) {
  server().Register("/test.Echo/Late", MethodKind::kServerStream,
                    [&](ServerCall& call) -> Task<absl::Status> {
                      ++attempts_;
                      EXPECT_TRUE(co_await call.Write(Serialize(Text("one"))));
                      co_return status::Unavailable("BUSY", "busy", 1ms);
                    });
  StartWithRetries();

  EXPECT_TRUE(absl::IsUnavailable(CallRetrying("/test.Echo/Late")));
  EXPECT_EQ(attempts_, 1);
}

}  // namespace
}  // namespace chasqui::rpc
