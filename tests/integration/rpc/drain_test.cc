// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;

class DrainTest : public RpcTest {
 protected:
  // /test.Echo/Hold says that it began and holds on until let go or cancelled.
  void RegisterHold(MethodOptions options = {}) {
    server().Register(
        "/test.Echo/Hold", MethodKind::kUnary,
        [this](ServerCall& call) -> Task<absl::Status> {
          OneShot<absl::Status> end;
          CancelHook hook = call.OnCancel([&] { end.Set(absl::CancelledError()); });
          let_go_ = [&end] { end.Set(absl::OkStatus()); };
          began_.Notify();
          co_return co_await end;
        },
        options);
  }

  // Makes a call, whose end is told by ended_ and status_, and waits until its handler has begun.
  void CallAndGoOn(const std::string& method) {
    loop().Spawn([](DrainTest& test, std::string name) -> Task<void> {
      UnaryCall call(test.loop(), test.channel(), name, Serialize(Text("x")));
      test.status_ = (co_await call.Finish()).status();
      test.ended_.Notify();
    }(*this, method));
    began_.WaitForNotification();
  }

  // A client that reads one message and then no more.
  Task<void> ReadOnceAndHold(std::string method) {
    ClientCall call(loop(), channel(), method);
    call.WriteLast(Serialize(Text("x")));
    EXPECT_TRUE((co_await call.Read()).has_value());
    began_.Notify();
    co_await loop().SleepFor(24h);
  }

  absl::Notification began_;
  absl::Notification ended_;
  absl::Status status_;
  std::function<void()> let_go_;
};

TEST_F(DrainTest, WithoutTrafficItCompletes) {
  RegisterEcho();
  Start();
  EXPECT_EQ(Call("/test.Echo/Unary", Text("x")).status(), absl::OkStatus());

  EXPECT_TRUE(server().Drain(10s));
  EXPECT_TRUE(server().Drain(10s)) << "again";
}

TEST_F(DrainTest, AServerThatNeverStartedDrainsToo) { EXPECT_TRUE(server().Drain(10s)); }

TEST_F(DrainTest, CallsUnderWayMayEndAndNewOnesAreRefused) {
  RegisterHold();
  RegisterEcho();
  Start();
  CallAndGoOn("/test.Echo/Hold");
  EXPECT_EQ(server().calls_under_way(), 1);

  concurrency::NamedThread drainer("drainer",
                                   [&](std::stop_token) { EXPECT_TRUE(server().Drain(60s)); });
  absl::Status refused;
  while (refused.ok()) refused = Call("/test.Echo/Unary", Text("x")).status();
  server().loop().Post([this] { let_go_(); });
  drainer.Join();
  ended_.WaitForNotification();

  EXPECT_EQ(status_, absl::OkStatus());
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_EQ(status::ErrorReason(refused), "DRAINING");
  EXPECT_TRUE(status::RetryDelay(refused).has_value());
}

TEST_F(DrainTest, WhatDoesNotEndInTimeIsAborted) {
  RegisterHold();
  Start();
  CallAndGoOn("/test.Echo/Hold");

  EXPECT_FALSE(server().Drain(10ms));
  ended_.WaitForNotification();

  EXPECT_TRUE(absl::IsUnavailable(status_));
  EXPECT_EQ(status::ErrorReason(status_), "DRAINING");
}

TEST_F(DrainTest, AHandlerThatHearsNothingIsCutOff) {
  server().Register("/test.Echo/Deaf", MethodKind::kUnary,
                    [this](ServerCall&) -> Task<absl::Status> {
                      OneShot<absl::Status> never;
                      began_.Notify();
                      co_return co_await never;
                    });
  Start();
  CallAndGoOn("/test.Echo/Deaf");

  EXPECT_FALSE(server().Drain(10ms));
  ended_.WaitForNotification();

  EXPECT_FALSE(status_.ok());
}

TEST_F(DrainTest, BackgroundCallsDoNotHoldItUp) {
  RegisterHold({.background = true});
  Start();
  CallAndGoOn("/test.Echo/Hold");
  EXPECT_EQ(server().calls_under_way(), 0);

  EXPECT_TRUE(server().Drain(60s));
  ended_.WaitForNotification();

  EXPECT_TRUE(absl::IsUnavailable(status_));
}

TEST_F(DrainTest, AReaderThatReadsNothingDoesNotHoldItUpForever) {
  RegisterServerStream<StringValue, StringValue>(
      server(), "/test.Echo/Large",
      [](ServerCall&, StringValue, ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        const StringValue large = Text(std::string(1 << 20, 'x'));
        while (co_await writer.Write(large)) continue;
        co_return absl::CancelledError();
      });
  Start();
  loop().Spawn(ReadOnceAndHold("/test.Echo/Large"));
  began_.WaitForNotification();

  EXPECT_FALSE(server().Drain(10ms));
}

TEST_F(DrainTest, APortThatIsTakenFailsTheStart) {
  Start();
  Server second({.listen = server().local_address()});

  EXPECT_TRUE(absl::IsUnavailable(second.Start()));
}

}  // namespace
}  // namespace chasqui::rpc
