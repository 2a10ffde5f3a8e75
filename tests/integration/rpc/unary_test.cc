// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class UnaryTest : public RpcTest {
 protected:
  using RpcTest::RpcTest;
};

TEST_F(UnaryTest, AnswersWithTheResponse) {
  RegisterEcho();
  Start();

  for (size_t size : {0u, 200u, 1'000'000u}) {
    const auto response = Call("/test.Echo/Unary", Text(std::string(size, 'x')));

    ASSERT_EQ(response.status(), absl::OkStatus());
    EXPECT_EQ(response->value().size(), size);
  }
}

TEST_F(UnaryTest, ErrorsArriveWithTheirDetails) {
  const absl::Status error = status::QuotaExceeded("TOKENS", "no more today", "key:a", 1500ms);
  RegisterUnary<StringValue, StringValue>(
      server(), "/test.Echo/Fail",
      [error](ServerCall&, StringValue) -> Task<absl::StatusOr<StringValue>> { co_return error; });
  Start();

  EXPECT_EQ(Call("/test.Echo/Fail", Text("x")).status(), error);
}

TEST_F(UnaryTest, RetryInfoIsAlsoPushback) {
  server().Register("/test.Echo/Full", MethodKind::kUnary, [](ServerCall&) -> Task<absl::Status> {
    co_return status::Unavailable("FULL", "no room", 250ms);
  });
  Start();

  const std::string pushback = RunOn(loop(), [&]() -> Task<std::string> {
    UnaryCall call(loop(), channel(), "/test.Echo/Full", Serialize(Text("x")));
    EXPECT_TRUE(absl::IsUnavailable((co_await call.Finish()).status()));
    co_return std::string(call.TrailingMetadata("grpc-retry-pushback-ms").value_or("none"));
  });

  EXPECT_EQ(pushback, "250");
}

TEST_F(UnaryTest, AnUnknownMethodIsNamed) {
  Start();

  const absl::Status status = Call("/test.Echo/Nothing", Text("x")).status();

  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/test.Echo/Nothing"));
}

TEST_F(UnaryTest, BytesThatDoNotParseAreInvalid) {
  RegisterEcho();
  Start();

  const absl::Status status = RunOn(loop(), [&]() -> Task<absl::Status> {
    const grpc::Slice slice(std::string("\xff\xff"));
    UnaryCall call(loop(), channel(), "/test.Echo/Unary", grpc::ByteBuffer(&slice, 1));
    co_return (co_await call.Finish()).status();
  });

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status::FieldViolations(status).size(), 1u);
}

class SmallUnaryTest : public RpcTest {
 protected:
  SmallUnaryTest() : RpcTest({.max_request_bytes = 1000}) {}
};

TEST_F(SmallUnaryTest, ATooLargeRequestIsRefused) {
  RegisterEcho();
  Start();

  EXPECT_EQ(Call("/test.Echo/Unary", Text(std::string(900, 'x'))).status(), absl::OkStatus());
  EXPECT_TRUE(
      absl::IsResourceExhausted(Call("/test.Echo/Unary", Text(std::string(1100, 'x'))).status()));
}

TEST_F(UnaryTest, MetadataGoBothWays) {
  server().Register(
      "/test.Echo/Meta", MethodKind::kUnary, [](ServerCall& call) -> Task<absl::Status> {
        EXPECT_EQ(call.Metadata("x-absent"), std::nullopt);
        EXPECT_THAT(call.peer(), HasSubstr("127.0.0.1"));
        EXPECT_EQ(call.method(), "/test.Echo/Meta");
        call.AddTrailingMetadata("x-trailing", std::string(call.Metadata("x-given").value_or("?")));
        call.WriteLast(Serialize(Text("done")));
        co_return absl::OkStatus();
      });
  Start();

  const std::string trailing = RunOn(loop(), [&]() -> Task<std::string> {
    UnaryCall call(loop(), channel(), "/test.Echo/Meta", Serialize(Text("x")),
                   {.metadata = {{"x-given", "value"}}});
    EXPECT_EQ((co_await call.Finish()).status(), absl::OkStatus());
    co_return std::string(call.TrailingMetadata("x-trailing").value_or("none"));
  });

  EXPECT_EQ(trailing, "value");
}

TEST_F(UnaryTest, TheDeadlineReachesTheHandlerAndEndsTheCall) {
  absl::Notification cancelled;
  RegisterUnary<StringValue, StringValue>(
      server(), "/test.Echo/Slow",
      [&](ServerCall& call, StringValue request) -> Task<absl::StatusOr<StringValue>> {
        EXPECT_LE(call.deadline() - time::SteadyNow(), 501ms);  // gRPC sends whole ms, rounded up
        OneShot<bool> end;
        CancelHook hook = call.OnCancel([&] { end.Set(true); });
        co_await end;
        EXPECT_TRUE(call.cancelled());
        cancelled.Notify();
        co_return request;
      });
  Start();

  const absl::Status status =
      Call("/test.Echo/Slow", Text("x"), {.deadline = time::SteadyNow() + 500ms}).status();

  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  cancelled.WaitForNotification();
}

TEST_F(UnaryTest, WithoutADeadlineThereIsNone) {
  RegisterUnary<StringValue, StringValue>(
      server(), "/test.Echo/Unary",
      [](ServerCall& call, StringValue request) -> Task<absl::StatusOr<StringValue>> {
        EXPECT_EQ(call.deadline(), time::SteadyTime::max());
        co_return request;
      });
  Start();

  EXPECT_EQ(Call("/test.Echo/Unary", Text("x")).status(), absl::OkStatus());
}

class CountingObserver final : public ServerObserver, public MethodObserver {
 public:
  MethodObserver* ForMethod(std::string_view service, std::string_view, MethodKind) override {
    return service == "test.Echo" ? this : nullptr;
  }
  void OnStarted() override { ++started; }
  void OnMessageReceived() override { ++received; }
  void OnMessageSent() override { ++sent; }
  void OnHandled(absl::StatusCode code, time::Duration elapsed) override {
    EXPECT_EQ(code, absl::StatusCode::kOk);
    EXPECT_GT(elapsed, 0ns);
    handled.Notify();
  }

  std::atomic<int> started = 0;
  std::atomic<int> received = 0;
  std::atomic<int> sent = 0;
  absl::Notification handled;
};

TEST_F(UnaryTest, TheObserverIsToldOfEveryCall) {
  CountingObserver observer;
  Server observed({}, &observer);
  RegisterEcho(observed);
  ASSERT_EQ(observed.Start(), absl::OkStatus());
  const Channel to_observed = *Channel::Create(observed.local_address(), {});

  const auto response = RunOn(loop(), [&] {
    return CallUnary<StringValue>(loop(), to_observed, "/test.Echo/Unary", Text("x"));
  });

  EXPECT_EQ(response.status(), absl::OkStatus());
  observer.handled.WaitForNotification();
  EXPECT_EQ(observer.started, 1);
  EXPECT_EQ(observer.received, 1);
  EXPECT_EQ(observer.sent, 1);
}

}  // namespace
}  // namespace chasqui::rpc
