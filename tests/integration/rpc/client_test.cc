// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;

class ClientTest : public RpcTest {
 protected:
  // /test.Echo/Hang waits until it is cancelled.
  void RegisterHang() {
    server().Register("/test.Echo/Hang", MethodKind::kUnary,
                      [this](ServerCall& call) -> Task<absl::Status> {
                        OneShot<bool> end;
                        CancelHook hook = call.OnCancel([&] { end.Set(true); });
                        arrived_.Notify();
                        co_await end;
                        cancelled_.Notify();
                        co_return absl::CancelledError();
                      });
  }

  // /test.Echo/Outer calls Hang on the same server, and ends as that does.
  void RegisterOuter() {
    server().Register("/test.Echo/Outer", MethodKind::kUnary,
                      [this](ServerCall& call) -> Task<absl::Status> {
                        UnaryCall inner(call.loop(), *self_, "/test.Echo/Hang",
                                        Serialize(Text("x")), {.parent = &call});
                        co_return (co_await inner.Finish()).status();
                      });
  }

  void StartWithSelf() {
    Start();
    self_.emplace(*Channel::Create(server().local_address(), {}));
  }

  absl::Notification arrived_;
  absl::Notification cancelled_;

 private:
  std::optional<Channel> self_;
};

TEST_F(ClientTest, AnAbsentServerIsUnavailable) {
  const Channel nowhere = *Channel::Create("127.0.0.1:1", {});

  const auto status = RunOn(loop(), [&]() -> Task<absl::Status> {
    co_return (co_await CallUnary<StringValue>(loop(), nowhere, "/test.Echo/Unary", Text("x")))
        .status();
  });

  EXPECT_TRUE(absl::IsUnavailable(status));
}

// A listener that nobody accepts from: the kernel takes the connection, and no HTTP/2 comes. gRPC's
// own limit would be twenty seconds.
TEST_F(ClientTest, APeerThatSaysNothingIsUnavailableAfterTheConnectTimeout) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const Channel silent = *Channel::Create("127.0.0.1:" + std::to_string(ntohs(address.sin_port)),
                                          {.connect_timeout = 200ms});

  const auto begin = time::SteadyNow();
  const auto status = RunOn(loop(), [&]() -> Task<absl::Status> {
    co_return (co_await CallUnary<StringValue>(loop(), silent, "/test.Echo/Unary", Text("x")))
        .status();
  });
  const auto elapsed = time::SteadyNow() - begin;

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_GE(elapsed, 150ms);
  EXPECT_LT(elapsed, 4s);
  close(listener);
}

TEST_F(ClientTest, AStreamToAnAbsentServerIsUnavailable) {
  const Channel nowhere = *Channel::Create("127.0.0.1:1", {});

  const auto status = RunOn(loop(), [&]() -> Task<absl::Status> {
    ClientCall call(loop(), nowhere, "/test.Echo/Count");
    call.WriteLast(Serialize(Text("x")));
    EXPECT_FALSE((co_await call.Read()).has_value());
    co_return co_await call.Finish();
  });

  EXPECT_TRUE(absl::IsUnavailable(status));
}

TEST_F(ClientTest, WaitForReadyWaitsForTheServer) {
  Start();
  const std::string address = server().local_address();
  server().Drain(0s);
  Server late({.listen = address});
  RegisterEcho(late);

  absl::Notification asked;
  concurrency::NamedThread starter("starter", [&](std::stop_token) {
    asked.WaitForNotification();
    EXPECT_EQ(late.Start(), absl::OkStatus());
  });
  const auto status = RunOn(loop(), [&]() -> Task<absl::Status> {
    UnaryCall call(loop(), channel(), "/test.Echo/Unary", Serialize(Text("x")),
                   {.wait_for_ready = true});
    asked.Notify();
    co_return (co_await call.Finish()).status();
  });

  EXPECT_EQ(status, absl::OkStatus());
}

TEST_F(ClientTest, AUnaryCallCanBeCancelled) {
  RegisterHang();
  Start();

  const auto status = RunOn(loop(), [&]() -> Task<absl::Status> {
    UnaryCall call(loop(), channel(), "/test.Echo/Hang", Serialize(Text("x")));
    auto timer = loop().After(20ms, [&] { call.Cancel(); });
    co_return (co_await call.Finish()).status();
  });

  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST_F(ClientTest, ACallDiesWithItsParent) {
  RegisterHang();
  RegisterOuter();
  StartWithSelf();

  RunOn(loop(), [&]() -> Task<void> {
    UnaryCall call(loop(), channel(), "/test.Echo/Outer", Serialize(Text("x")));
    while (!arrived_.HasBeenNotified()) co_await loop().SleepFor(1ms);
  });

  cancelled_.WaitForNotification();
}

TEST_F(ClientTest, ACallHasAtMostTheTimeOfItsParent) {
  RegisterHang();
  RegisterOuter();
  StartWithSelf();

  EXPECT_TRUE(absl::IsDeadlineExceeded(
      Call("/test.Echo/Outer", Text("x"), {.deadline = time::SteadyNow() + 500ms}).status()));
  cancelled_.WaitForNotification();
}

TEST_F(ClientTest, StoppingTheLoopCancelsItsCalls) {
  RegisterHang();
  Start();
  absl::Notification finished;
  Loop other("other");
  other.Spawn([](Loop& on, const Channel& to, absl::Notification& done) -> Task<void> {
    UnaryCall call(on, to, "/test.Echo/Hang", Serialize(Text("x")));
    EXPECT_TRUE(absl::IsCancelled((co_await call.Finish()).status()));
    UnaryCall next(on, to, "/test.Echo/Hang", Serialize(Text("x")));
    EXPECT_TRUE(absl::IsCancelled((co_await next.Finish()).status()));
    ClientCall stream(on, to, "/test.Echo/Hang");
    EXPECT_FALSE(co_await stream.Write(Serialize(Text("x"))));
    EXPECT_TRUE(absl::IsCancelled(co_await stream.Finish()));
    done.Notify();
  }(other, channel(), finished));

  other.Stop();

  EXPECT_TRUE(finished.HasBeenNotified());
}

TEST_F(ClientTest, FinishDiscardsWhatWasNotRead) {
  RegisterCount();
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    Int64Value count;
    count.set_value(100);
    ResponseStream<Int64Value> stream(loop(), channel(), "/test.Echo/Count", count);
    EXPECT_TRUE((co_await stream.Read()).has_value());
    EXPECT_EQ(co_await stream.Finish(), absl::OkStatus());
  });
}

TEST_F(ClientTest, ACallThatNeverOpenedCostsNothing) {
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ClientCall call(loop(), channel(), "/test.Echo/Count");
    ClientCall other = std::move(call);
    call = std::move(other);
    co_return;
  });
}

}  // namespace
}  // namespace chasqui::rpc
