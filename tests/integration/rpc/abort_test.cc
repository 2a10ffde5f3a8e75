// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/one_shot.h"
#include "tests/integration/rpc/rpc_fixture.h"
#include "tests/support/wait_until.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLarge = 32 << 20;  // more than HTTP/2 sends to a client that does not read

// A server whose method /test.Echo/Large has one message under way, which only a read of the client
// lets out, and holds on until the call is aborted.
class AbortTest : public RpcTest {
 protected:
  explicit AbortTest(std::chrono::milliseconds grace) : RpcTest({.abort_grace = grace}) {
    RegisterServerStream<StringValue, StringValue>(
        server(), "/test.Echo/Large",
        [this](ServerCall& call, StringValue,
               ServerWriter<StringValue>& writer) -> Task<absl::Status> {
          OneShot<bool> aborted;
          CancelHook hook = call.OnCancel([&] { aborted.Set(true); });
          EXPECT_TRUE(co_await writer.Write(Text(std::string(kLarge, 'x'))));
          call_ = &call;
          writing_.Notify();
          co_await aborted;
          co_return absl::CancelledError();
        });
    Start();
  }

  // Aborts the call, whose message is under way, and waits until its handler has returned.
  void Abort() {
    writing_.WaitForNotification();
    absl::Notification done;
    server().loop().Post([&] {
      call_->Abort(absl::UnavailableError("aborted"));
      server().loop().Post([&] { done.Notify(); });
    });
    done.WaitForNotification();
  }

 private:
  absl::Notification writing_;
  ServerCall* call_ = nullptr;  // on the server's loop
};

class PatientAbortTest : public AbortTest {
 protected:
  PatientAbortTest() : AbortTest(1h) {}
};

class ImpatientAbortTest : public AbortTest {
 protected:
  ImpatientAbortTest() : AbortTest(10ms) {}
};

TEST_F(PatientAbortTest, TheMessageUnderWayGoesOutBeforeTheStatus) {
  std::optional<ClientCall> call;
  RunOn(loop(), [&]() -> Task<void> {
    call.emplace(loop(), channel(), "/test.Echo/Large");
    call->WriteLast(Serialize(Text("x")));
    co_return;
  });

  Abort();

  RunOn(loop(), [&]() -> Task<void> {
    const auto bytes = co_await call->Read();
    StringValue value;
    EXPECT_TRUE(bytes.has_value() && Parse(*bytes, value));
    EXPECT_EQ(value.value().size(), kLarge);
    EXPECT_FALSE((co_await call->Read()).has_value());
    EXPECT_EQ(co_await call->Finish(), absl::UnavailableError("aborted"));
    call.reset();
  });
}

TEST_F(ImpatientAbortTest, AReaderThatReadsNothingDoesNotHoldTheCallUp) {
  std::optional<ClientCall> call;
  RunOn(loop(), [&]() -> Task<void> {
    call.emplace(loop(), channel(), "/test.Echo/Large");
    call->WriteLast(Serialize(Text("x")));
    co_return;
  });

  Abort();
  EXPECT_TRUE(testing::WaitUntil([&] { return server().calls_under_way() == 0; }));

  const absl::Status status = RunOn(loop(), [&]() -> Task<absl::Status> {
    absl::Status ending = co_await call->Finish();
    call.reset();
    co_return ending;
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

}  // namespace
}  // namespace chasqui::rpc
