// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class StreamTest : public RpcTest {
 protected:
  // /test.Echo/Forever streams until the call is cancelled, and then notifies.
  void RegisterForever(absl::Notification& ended) {
    RegisterServerStream<StringValue, StringValue>(
        server(), "/test.Echo/Forever",
        [&ended](ServerCall& call, StringValue request,
                 ServerWriter<StringValue>& writer) -> Task<absl::Status> {
          OneShot<bool> cancelled;
          CancelHook hook = call.OnCancel([&] { cancelled.Set(true); });
          if (!co_await writer.Write(request)) ADD_FAILURE() << "cancelled too soon";
          co_await cancelled;
          EXPECT_TRUE(call.cancelled());
          EXPECT_FALSE(co_await writer.Write(request));
          ended.Notify();
          co_return absl::CancelledError();
        });
  }
};

TEST_F(StreamTest, GivesEveryMessageInOrder) {
  RegisterCount();
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    Int64Value count;
    count.set_value(2000);
    ResponseStream<Int64Value> stream(loop(), channel(), "/test.Echo/Count", count);
    int64_t expected = 0;
    while (auto value = co_await stream.Read()) EXPECT_EQ(value->value(), expected++);
    EXPECT_EQ(expected, 2000);
    EXPECT_EQ(co_await stream.Finish(), absl::OkStatus());
  });
}

TEST_F(StreamTest, TheLastMessageMayGoWithTheStatus) {
  RegisterServerStream<StringValue, StringValue>(
      server(), "/test.Echo/Two",
      [](ServerCall&, StringValue, ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        EXPECT_TRUE(co_await writer.Write(Text("first"), /*more_follows=*/true));
        writer.WriteLast(Text("last"));
        co_return absl::OkStatus();
      });
  Start();

  const auto texts = RunOn(loop(), [&]() -> Task<std::vector<std::string>> {
    // Headers held back by the hint would hold back the end of the first write.
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Two", Text("x"),
                                       {.deadline = time::SteadyNow() + 5s});
    std::vector<std::string> out;
    while (auto value = co_await stream.Read()) out.push_back(value->value());
    EXPECT_EQ(co_await stream.Finish(), absl::OkStatus());
    co_return out;
  });

  EXPECT_THAT(texts, ElementsAre("first", "last"));
}

TEST_F(StreamTest, AnErrorAfterMessagesArrivesAfterThem) {
  RegisterServerStream<StringValue, StringValue>(
      server(), "/test.Echo/Broken",
      [](ServerCall&, StringValue, ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        EXPECT_TRUE(co_await writer.Write(Text("one")));
        co_return absl::InternalError("broke");
      });
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Broken", Text("x"));
    EXPECT_TRUE((co_await stream.Read()).has_value());
    EXPECT_FALSE((co_await stream.Read()).has_value());
    EXPECT_EQ(co_await stream.Finish(), absl::InternalError("broke"));
  });
}

TEST_F(StreamTest, BothSidesMayStream) {
  RegisterBidiStream<StringValue, StringValue>(
      server(), "/test.Echo/Bidi",
      [](ServerCall&, ServerReader<StringValue>& reader,
         ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        for (;;) {
          const auto request = co_await reader.Read();
          if (absl::IsOutOfRange(request.status())) co_return absl::OkStatus();
          EXPECT_TRUE(co_await writer.Write(Text(absl::StrCat(request->value(), "!"))));
        }
      });
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ClientCall call(loop(), channel(), "/test.Echo/Bidi");
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(co_await call.Write(Serialize(Text(absl::StrCat(i)))));
      const auto bytes = co_await call.Read();
      StringValue value;
      EXPECT_TRUE(bytes.has_value() && Parse(*bytes, value));
      EXPECT_EQ(value.value(), absl::StrCat(i, "!"));
    }
    call.WritesDone();
    EXPECT_FALSE((co_await call.Read()).has_value());
    EXPECT_EQ(co_await call.Finish(), absl::OkStatus());
  });
}

TEST_F(StreamTest, TheServerMaySpeakFirst) {
  RegisterBidiStream<StringValue, StringValue>(
      server(), "/test.Echo/Greet",
      [](ServerCall&, ServerReader<StringValue>&,
         ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        EXPECT_TRUE(co_await writer.Write(Text("hello")));
        co_return absl::OkStatus();
      });
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ClientCall call(loop(), channel(), "/test.Echo/Greet");
    EXPECT_TRUE((co_await call.Read()).has_value());
    EXPECT_EQ(co_await call.Finish(), absl::OkStatus());
  });
}

TEST_F(StreamTest, CancellingReachesTheHandler) {
  absl::Notification ended;
  RegisterForever(ended);
  Start();

  const absl::Status status = RunOn(loop(), [&]() -> Task<absl::Status> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Forever", Text("x"));
    EXPECT_TRUE((co_await stream.Read()).has_value());
    stream.call().Cancel();
    co_return co_await stream.Finish();
  });

  EXPECT_TRUE(absl::IsCancelled(status));
  ended.WaitForNotification();
}

TEST_F(StreamTest, DroppingTheCallReachesTheHandler) {
  absl::Notification ended;
  RegisterForever(ended);
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Forever", Text("x"));
    EXPECT_TRUE((co_await stream.Read()).has_value());
  });

  ended.WaitForNotification();
}

TEST_F(StreamTest, ADeadlineEndsAStreamInItsMiddle) {
  absl::Notification ended;
  RegisterForever(ended);
  Start();

  const absl::Status status = RunOn(loop(), [&]() -> Task<absl::Status> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Forever", Text("x"),
                                       {.deadline = time::SteadyNow() + 100ms});
    EXPECT_TRUE((co_await stream.Read()).has_value());
    EXPECT_FALSE((co_await stream.Read()).has_value());
    co_return co_await stream.Finish();
  });

  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  ended.WaitForNotification();
}

TEST_F(StreamTest, AHookSetAfterTheCancelIsCalledToo) {
  absl::Notification ended;
  RegisterServerStream<StringValue, StringValue>(
      server(), "/test.Echo/Late",
      [&](ServerCall& call, StringValue request,
          ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        OneShot<bool> first;
        CancelHook hook = call.OnCancel([&] { first.Set(true); });
        if (!co_await writer.Write(request)) ADD_FAILURE() << "cancelled too soon";
        co_await first;
        OneShot<bool> second;
        CancelHook late = call.OnCancel([&] { second.Set(true); });
        co_await second;
        ended.Notify();
        co_return absl::CancelledError();
      });
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Late", Text("x"));
    EXPECT_TRUE((co_await stream.Read()).has_value());
  });

  ended.WaitForNotification();
}

TEST_F(StreamTest, ASlowReaderHoldsItsWriterUp) {
  std::atomic<int> written = 0;
  RegisterServerStream<StringValue, StringValue>(
      server(), "/test.Echo/Large",
      [&](ServerCall&, StringValue, ServerWriter<StringValue>& writer) -> Task<absl::Status> {
        const StringValue large = Text(std::string(256 << 10, 'x'));
        for (int i = 0; i < 1000; ++i) {
          if (!co_await writer.Write(large)) co_return absl::CancelledError();
          ++written;
        }
        co_return absl::OkStatus();
      });
  RegisterEcho();
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    ResponseStream<StringValue> stream(loop(), channel(), "/test.Echo/Large", Text("x"));
    EXPECT_TRUE((co_await stream.Read()).has_value());
    // Other calls go on meanwhile, and give the writer all the time it could want.
    for (int i = 0; i < 500; ++i) {
      EXPECT_EQ((co_await CallUnary<StringValue>(loop(), channel(), "/test.Echo/Unary", Text("y")))
                    .status(),
                absl::OkStatus());
    }
    EXPECT_LT(written, 200);
    int read = 1;
    while ((co_await stream.Read()).has_value()) ++read;
    EXPECT_EQ(read, 1000);
    EXPECT_EQ(co_await stream.Finish(), absl::OkStatus());
  });
}

}  // namespace
}  // namespace chasqui::rpc
