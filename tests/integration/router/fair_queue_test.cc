// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using inference::v1::GetQueuePositionRequest;
using inference::v1::GetQueuePositionResponse;

class RouterFairQueue : public RouterFixture {
 protected:
  struct Of {
    inference::v1::Priority priority = inference::v1::PRIORITY_NORMAL;
    std::string id = {};
    std::uint32_t max_tokens = 1;
    std::chrono::milliseconds timeout = 0ms;
  };

  std::unique_ptr<testing::ClientStream> Send(const std::string& prompt, const Of& of) {
    inference::v1::GenerateRequest request = testing::Prompt(prompt);
    request.set_priority(of.priority);
    request.set_request_id(of.id);
    request.mutable_stop()->set_max_tokens(of.max_tokens);
    return std::make_unique<testing::ClientStream>(
        channel_, request, testing::ClientStream::Options{.timeout = of.timeout});
  }

  GetQueuePositionResponse Ask(const std::string& id) {
    grpc::ClientContext context;
    GetQueuePositionRequest request;
    request.set_request_id(id);
    GetQueuePositionResponse response;
    status_ = inference_->GetQueuePosition(&context, request, &response);
    return response;
  }

  fleet::v1::ModelQueue Queue() {
    grpc::ClientContext context;
    const auto reader = fleet_->WatchFleet(&context, fleet::v1::WatchFleetRequest());
    fleet::v1::WatchFleetResponse snapshot;
    EXPECT_TRUE(reader->Read(&snapshot));
    context.TryCancel();
    return snapshot.queues().empty() ? fleet::v1::ModelQueue() : snapshot.queues(0);
  }

  grpc::Status status_;
};

TEST_F(RouterFairQueue, ServesTheHigherPriorityFirst) {
  StartRouter();
  const auto worker = JoinWorker();
  const auto running = Send("running", {});
  const auto running_call = worker->NextCall();
  const auto low = Send("low", {.priority = inference::v1::PRIORITY_LOW});
  ASSERT_TRUE(WaitForQueued(1));
  const auto high = Send("high", {.priority = inference::v1::PRIORITY_HIGH});
  ASSERT_TRUE(WaitForQueued(2));
  EXPECT_EQ(Metric("chasqui_router_queue_priority_requests{model=\"tiny\",priority=\"low\"}"), 1);

  running_call->Answer({});

  const auto next = worker->NextCall();
  EXPECT_EQ(next->request().prompt(), "high");
  EXPECT_EQ(next->request().priority(), inference::v1::PRIORITY_HIGH);
  next->Answer({});
  EXPECT_EQ(worker->NextCall()->request().prompt(), "low");
}

TEST_F(RouterFairQueue, DisplacesTheLowerPriorityWhenItIsFull) {
  Config config = TestConfig();
  config.mutable_queue()->set_max_requests(1);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto running = Send("running", {});
  const auto running_call = worker->NextCall();
  const auto low = Send("low", {.priority = inference::v1::PRIORITY_LOW});
  ASSERT_TRUE(WaitForQueued(1));

  const auto normal = Send("normal", {});
  const grpc::Status status = low->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "DISPLACED");
  EXPECT_EQ(Metric("chasqui_router_refused_total{reason=\"DISPLACED\"}"), 1);
  running_call->Answer({});
  EXPECT_EQ(worker->NextCall()->request().prompt(), "normal");
}

TEST_F(RouterFairQueue, IsBoundedInTokens) {
  Config config = TestConfig();
  config.mutable_queue()->set_max_tokens(1000);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto running = Send("running", {});
  ASSERT_NE(worker->NextCall(), nullptr);
  const auto waiting = Send("x", {.max_tokens = 900});
  ASSERT_TRUE(WaitForQueued(1));
  EXPECT_EQ(Queue().queued_tokens(), 901u);

  EXPECT_EQ(Reason(Send("x", {.max_tokens = 99})->Wait()), "QUEUE_FULL");
}

TEST_F(RouterFairQueue, RefusesAtOnceWhatCannotBeAnsweredInTime) {
  Config config = TestConfig();
  config.mutable_queue()->set_max_tokens(1'000'000'000'000);
  StartRouter(config);
  const auto worker = JoinWorker();
  for (int i = 0; i < 10; ++i) {
    const auto client = Send("x", {});
    worker->NextCall()->Answer({"a"});
    ASSERT_TRUE(client->Wait().ok());
  }
  const auto running = Send("running", {});
  ASSERT_NE(worker->NextCall(), nullptr);
  const auto endless = Send("endless", {.max_tokens = 2'000'000'000});
  ASSERT_TRUE(WaitForQueued(1));

  const grpc::Status status = Send("x", {.timeout = 60s})->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "DEADLINE_TOO_CLOSE");
  EXPECT_EQ(Queue().deadline_refused_total(), 1u);
}

TEST_F(RouterFairQueue, TellsWhereARequestStands) {
  StartRouter();
  const auto worker = JoinWorker();
  const auto running = Send("running", {.id = "running"});
  const auto running_call = worker->NextCall();
  const auto first = Send("first", {.id = "first", .max_tokens = 10});
  ASSERT_TRUE(WaitForQueued(1));
  const auto second = Send("second", {.id = "second"});
  ASSERT_TRUE(WaitForQueued(2));

  EXPECT_EQ(Ask("running").state(), inference::v1::QUEUE_STATE_RUNNING);
  EXPECT_EQ(Ask("first").position(), 1u);
  const GetQueuePositionResponse response = Ask("second");
  EXPECT_EQ(response.state(), inference::v1::QUEUE_STATE_WAITING);
  EXPECT_EQ(response.position(), 2u);
  EXPECT_EQ(response.requests_ahead(), 1u);
  EXPECT_EQ(response.tokens_ahead(), 12u);
  EXPECT_FALSE(response.has_estimated_wait()) << "nothing has been measured";
  EXPECT_EQ(Ask("nobody").state(), inference::v1::QUEUE_STATE_UNKNOWN);

  running_call->Answer({});
  EXPECT_TRUE(running->Wait().ok());
  ASSERT_NE(worker->NextCall(), nullptr);
  EXPECT_EQ(Ask("second").position(), 1u);
  EXPECT_EQ(Ask("running").state(), inference::v1::QUEUE_STATE_UNKNOWN);
}

TEST_F(RouterFairQueue, NeedsAnIdToTellWhereARequestStands) {
  StartRouter();

  Ask("");

  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

class RouterWaitsForWorker : public RouterFairQueue {
 protected:
  static Config Waiting(std::chrono::milliseconds wait) {
    Config config = TestConfig();
    *config.mutable_queue()->mutable_wait_for_worker() = service::ToProto(wait);
    config.mutable_queue()->add_expected_models("tiny");
    return config;
  }
};

TEST_F(RouterWaitsForWorker, ServesThoseThatWaitWhenAWorkerComes) {
  StartRouter(Waiting(20s));
  const auto client = Stream();
  ASSERT_TRUE(WaitForQueued(1));
  const fleet::v1::ModelQueue queue = Queue();
  EXPECT_EQ(queue.model(), "tiny");
  EXPECT_EQ(queue.queued(), 1u);
  EXPECT_TRUE(queue.waits_for_worker()) << "an autoscaler must see that they wait";

  const auto worker = JoinWorker();
  worker->NextCall()->Answer({"ok"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_FALSE(Queue().waits_for_worker());
}

TEST_F(RouterWaitsForWorker, GivesUpWhenNoneComes) {
  Config config = Waiting(50ms);
  *config.mutable_membership()->mutable_report_interval() = service::ToProto(100ms);
  StartRouter(config);

  const grpc::Status status = Stream()->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "NO_WORKER");
}

TEST_F(RouterWaitsForWorker, TellsNothingOfAModelThatIsNotThere) {
  StartRouter(Waiting(20s));
  grpc::ClientContext context;
  inference::v1::GetModelRequest request;
  request.set_name("tiny");
  inference::v1::GetModelResponse response;

  EXPECT_EQ(inference_->GetModel(&context, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace chasqui::router
