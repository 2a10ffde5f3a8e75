// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using testing::FakeCall;

class RouterQueue : public RouterFixture {
 protected:
  void SetUp() override { StartRouter(ConfigWith(1)); }

  static Config ConfigWith(std::uint32_t max_requests) {
    Config config = TestConfig();
    config.mutable_queue()->set_max_requests(max_requests);
    *config.mutable_queue()->mutable_retry_delay() = service::ToProto(30ms);
    return config;
  }
};

TEST_F(RouterQueue, SpreadsOverTwoWorkersWithinOne) {
  const auto w1 = JoinWorker({.id = "w1", .slots = 8});
  const auto w2 = JoinWorker({.id = "w2", .slots = 8});
  std::vector<std::unique_ptr<testing::ClientStream>> clients;

  for (std::uint32_t i = 1; i <= 9; ++i) {
    clients.push_back(Stream());
    ASSERT_TRUE(testing::WaitUntil([&] { return w1->active() + w2->active() == i; }));
    ASSERT_LE(std::abs(static_cast<int>(w1->active()) - static_cast<int>(w2->active())), 1);
  }
}

TEST_F(RouterQueue, ServesWhoWaitsWhenASlotComesFree) {
  const auto worker = JoinWorker();
  const auto first = Stream("first");
  const auto running = worker->NextCall();
  const auto second = Stream("second");
  ASSERT_TRUE(WaitForQueued(1));

  running->Answer({"done"});

  EXPECT_TRUE(first->Wait().ok());
  const auto next = worker->NextCall();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->request().prompt(), "second");
  next->Answer({"done too"});
  EXPECT_TRUE(second->Wait().ok());
}

TEST_F(RouterQueue, RefusesOneMoreThanMayWait) {
  const auto worker = JoinWorker();
  const auto running = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);
  const auto waiting = Stream();
  ASSERT_TRUE(WaitForQueued(1));

  const auto refused = Stream();
  const grpc::Status status = refused->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "QUEUE_FULL");
  EXPECT_EQ(RetryDelay(status), 30ms);
  EXPECT_EQ(refused->Trailer("grpc-retry-pushback-ms"), "30");
  EXPECT_EQ(Metric("chasqui_router_refused_total{reason=\"QUEUE_FULL\"}"), 1);
}

// Only a refusal that is trailers and nothing else leaves a client's retry policy in force.
TEST_F(RouterQueue, LetsAClientsOwnRetryPolicyComeBack) {
  const auto worker = JoinWorker();
  const auto running = Stream("running");
  const auto running_call = worker->NextCall();
  const auto waiting = Stream("waiting");
  ASSERT_TRUE(WaitForQueued(1));
  grpc::ChannelArguments retries;
  retries.SetServiceConfigJSON(R"({"methodConfig": [{"name": [{}], "retryPolicy": {
      "maxAttempts": 5, "initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 1,
      "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]})");
  const auto channel = grpc::CreateCustomChannel(router_->local_address(),
                                                 grpc::InsecureChannelCredentials(), retries);
  testing::ClientStream persistent(channel, testing::Prompt("persistent"));
  ASSERT_TRUE(testing::WaitUntil(
      [&] { return Metric("chasqui_router_refused_total{reason=\"QUEUE_FULL\"}") >= 1; }));

  running_call->Answer({"a"});
  worker->NextCall()->Answer({"b"});

  const auto last = worker->NextCall();
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->request().prompt(), "persistent");
  last->Answer({"c"});
  EXPECT_TRUE(persistent.Wait().ok());
}

TEST_F(RouterQueue, LetsGoOfWhoseDeadlinePasses) {
  const auto worker = JoinWorker();
  const auto running = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);

  const auto waiting = Stream("x", {.timeout = 100ms});

  EXPECT_EQ(waiting->Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(WaitForQueued(0));
}

TEST_F(RouterQueue, LetsGoOfWhoCancels) {
  const auto worker = JoinWorker();
  const auto running = Stream("running");
  const auto running_call = worker->NextCall();
  const auto gone = Stream("gone");
  ASSERT_TRUE(WaitForQueued(1));

  gone->Cancel();
  ASSERT_TRUE(WaitForQueued(0));
  const auto next = Stream("next");
  ASSERT_TRUE(WaitForQueued(1));
  running_call->Answer({});

  EXPECT_EQ(worker->NextCall()->request().prompt(), "next");
}

TEST_F(RouterQueue, GivesUpAfterTheLongestWait) {
  Config config = ConfigWith(10);
  *config.mutable_queue()->mutable_max_wait() = service::ToProto(50ms);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto running = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);

  const grpc::Status status = Stream()->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "QUEUE_TIMEOUT");
}

TEST_F(RouterQueue, FailsWhoWaitsWhenTheLastWorkerIsGone) {
  auto worker = JoinWorker();
  const auto running = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);
  const auto waiting = Stream();
  ASSERT_TRUE(WaitForQueued(1));

  worker->Die();

  EXPECT_EQ(waiting->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(RouterQueue, TriesTheNextWhenAWorkerIsFull) {
  // The first has room as far as anyone knows, but another router is quicker.
  const auto w1 = JoinWorker({.id = "w1", .slots = 4});
  w1->RefuseAll(rpc::ToGrpc(status::ResourceExhausted("WORKER_FULL", "no slot", 1s)));
  const auto w2 = JoinWorker({.id = "w2", .slots = 1});

  const auto client = Stream();
  const auto call = w2->NextCall();
  ASSERT_NE(call, nullptr);
  call->Answer({"ok"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_GE(Metric("chasqui_router_retries_total{model=\"tiny\",reason=\"full\",tenant=\"\"}"), 1);
}

TEST_F(RouterQueue, WaitsWhenAllWorkersAreFullAndIsServedFirst) {
  StartRouter(ConfigWith(10));
  const auto worker = JoinWorker({.slots = 2, .refuse_beyond_slots = true});
  // A request past the router takes the slot that the router believes free.
  testing::ClientStream stranger(worker->channel(), testing::Prompt("stranger"));
  const auto stranger_call = worker->NextCall();
  const auto running = Stream("running");
  const auto running_call = worker->NextCall();

  const auto waiting = Stream("waiting");
  ASSERT_TRUE(WaitForQueued(1));
  stranger_call->Answer({});

  EXPECT_EQ(worker->NextCall()->request().prompt(), "waiting");
}

}  // namespace
}  // namespace chasqui::router
