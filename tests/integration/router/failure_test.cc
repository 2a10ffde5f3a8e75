// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class RouterFailure : public RouterFixture {
 protected:
  void SetUp() override { StartRouter(); }
};

TEST_F(RouterFailure, LosesNoRequestWhenAWorkerDiesBeforeTheFirstEvent) {
  auto w1 = JoinWorker({.id = "w1"});
  const auto client = Stream();
  ASSERT_NE(w1->NextCall(), nullptr);
  const auto w2 = JoinWorker({.id = "w2"});

  w1->Die();

  const auto call = w2->NextCall();
  ASSERT_NE(call, nullptr);
  call->Answer({"from ", "the other"});
  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(client->text(), "from the other");
  EXPECT_EQ(
      Metric("chasqui_router_retries_total{model=\"tiny\",reason=\"unreachable\",tenant=\"\"}"), 1);
}

TEST_F(RouterFailure, TriesAnotherWhenAWorkerIsLeaving) {
  const auto w1 = JoinWorker({.id = "w1", .slots = 9});
  w1->RefuseAll(rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", 1s)));
  const auto w2 = JoinWorker({.id = "w2"});

  const auto client = Stream();
  const auto call = w2->NextCall();
  ASSERT_NE(call, nullptr);
  call->Answer({"ok"});

  EXPECT_TRUE(client->Wait().ok());
}

TEST_F(RouterFailure, PassesTheWorkersWordOnWhenThereIsNoOther) {
  const auto worker = JoinWorker();
  worker->RefuseAll(rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", 1s)));

  const grpc::Status status = Stream()->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "DRAINING");
}

TEST_F(RouterFailure, TriesNoMoreThanItMay) {
  Config config = TestConfig();
  config.mutable_upstream()->set_max_attempts(2);
  StartRouter(config);
  std::vector<std::unique_ptr<testing::FakeWorker>> workers;
  for (const char* id : {"w1", "w2", "w3"}) {
    workers.push_back(JoinWorker({.id = id}));
    workers.back()->RefuseAll(rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", 1s)));
  }

  EXPECT_EQ(Reason(Stream()->Wait()), "DRAINING");

  EXPECT_EQ(
      Metric("chasqui_router_retries_total{model=\"tiny\",reason=\"unreachable\",tenant=\"\"}"), 1);
}

TEST_F(RouterFailure, SaysSoWhenTheOnlyWorkerDiesInTheMiddle) {
  Config config = TestConfig();
  *config.mutable_streams()->mutable_move_timeout() = service::ToProto(50ms);
  StartRouter(config);
  auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();
  call->SendStarted();
  call->SendChunk("half");
  ASSERT_TRUE(client->WaitForEvents(2));

  worker->Die();
  const grpc::Status status = client->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "WORKER_LOST");
  EXPECT_THAT(status.error_message(), HasSubstr("w1"));
  EXPECT_EQ(client->text(), "half");
}

TEST_F(RouterFailure, SaysSoWhenAStreamEndsUnfinishedAndMayNotMove) {
  Config config = TestConfig();
  config.mutable_streams()->set_max_moves(0);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();
  call->SendStarted();
  call->Finish();

  EXPECT_EQ(client->Wait().error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(RouterFailure, PassesAnErrorInTheMiddleOnWhenItMayNotMove) {
  Config config = TestConfig();
  config.mutable_streams()->set_max_moves(0);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();
  call->SendStarted();
  call->Finish(grpc::Status(grpc::StatusCode::INTERNAL, "decode failed"));

  const grpc::Status status = client->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "decode failed");
}

TEST_F(RouterFailure, CancelsTheWorkersCallWhenTheClientDoes) {
  const auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();
  call->SendStarted();
  ASSERT_TRUE(client->WaitForEvents(1));

  client->Cancel();

  EXPECT_TRUE(call->WaitUntilCancelled());
}

TEST_F(RouterFailure, CancelsTheWorkersCallBeforeTheFirstEventToo) {
  const auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();

  client->Cancel();

  EXPECT_TRUE(call->WaitUntilCancelled());
  EXPECT_EQ(
      Metric("chasqui_router_retries_total{model=\"tiny\",reason=\"unreachable\",tenant=\"\"}"),
      -1);
}

TEST_F(RouterFailure, CancelsTheWorkersCallWhenTheDeadlinePasses) {
  const auto worker = JoinWorker();
  const auto client = Stream("x", {.timeout = 300ms});
  const auto call = worker->NextCall();
  ASSERT_NE(call, nullptr);

  EXPECT_EQ(client->Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(call->WaitUntilCancelled());
}

TEST_F(RouterFailure, FreesTheSlotOfACancelledRequest) {
  const auto worker = JoinWorker();
  const auto client = Stream("first");
  const auto call = worker->NextCall();
  const auto next = Stream("next");
  ASSERT_TRUE(WaitForQueued(1));

  client->Cancel();

  const auto next_call = worker->NextCall();
  ASSERT_NE(next_call, nullptr);
  EXPECT_EQ(next_call->request().prompt(), "next");
}

}  // namespace
}  // namespace chasqui::router
