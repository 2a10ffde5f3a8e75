// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"
#include "tools/mock-worker/mock_worker.h"

namespace chasqui::mock_worker {
namespace {

// A real router and mock workers that join it.
class MockWorkerMembership : public router::RouterFixture {
 protected:
  void SetUp() override { StartRouter(); }

  void StartWorkers(int count) {
    for (int i = 0; i < count; ++i) {
      workers_.push_back(
          std::make_unique<MockWorker>(MockWorkerOptions{.id = absl::StrCat("mock-", i),
                                                         .routers = {router_->local_address()},
                                                         .model = "tiny",
                                                         .slots = 4,
                                                         .calls_requested_ahead = 4}));
      ASSERT_TRUE(workers_.back()->Start().ok());
    }
    ASSERT_TRUE(WaitForReady(count));
  }

  std::vector<fleet::v1::Worker> ListWorkers() {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    EXPECT_TRUE(fleet_->ListWorkers(&context, {}, &response).ok());
    return {response.workers().begin(), response.workers().end()};
  }

  std::vector<std::unique_ptr<MockWorker>> workers_;
};

TEST_F(MockWorkerMembership, AnswersThroughTheRouter) {
  StartWorkers(1);

  const auto stream = Stream("mock: tokens=5");

  EXPECT_TRUE(stream->Wait().ok());
  EXPECT_EQ(stream->events().size(), 7U);
}

TEST_F(MockWorkerMembership, ReportsWhatRuns) {
  StartWorkers(1);
  const auto stream = Stream("mock: hang_after=0");
  ASSERT_TRUE(stream->WaitForEvents(1));

  EXPECT_TRUE(testing::WaitUntil([this] {
    const auto workers = ListWorkers();
    return workers.size() == 1 && workers[0].load().models_size() == 1 &&
           workers[0].load().models(0).active() == 1 &&
           workers[0].load().models(0).active_from_you() == 1;
  }));
  stream->Cancel();
}

TEST_F(MockWorkerMembership, ObeysDrainAndResume) {
  StartWorkers(1);
  const auto drain = [this](bool undo) {
    grpc::ClientContext context;
    fleet::v1::DrainWorkerRequest request;
    request.set_worker_id("mock-0");
    request.set_undo(undo);
    fleet::v1::DrainWorkerResponse response;
    return fleet_->DrainWorker(&context, request, &response).ok();
  };
  const auto state_is = [this](fleet::v1::WorkerState state) {
    return testing::WaitUntil([&] { return ListWorkers().at(0).load().state() == state; });
  };

  EXPECT_TRUE(drain(false));
  EXPECT_TRUE(state_is(fleet::v1::WORKER_STATE_DRAINING));
  EXPECT_TRUE(drain(true));
  EXPECT_TRUE(state_is(fleet::v1::WORKER_STATE_READY));
}

TEST_F(MockWorkerMembership, AnswersARouterThatAsks) {
  MockWorker worker({.id = "asked", .model = "tiny", .slots = 4, .incarnation = 9});
  ASSERT_TRUE(worker.Start().ok());
  Config config = TestConfig();
  *config.mutable_membership()->mutable_report_interval() =
      service::ToProto(std::chrono::milliseconds(300));
  config.mutable_membership()->add_static_workers(worker.address());
  StartRouter(config);
  ASSERT_TRUE(WaitForReady(1));
  EXPECT_EQ(ListWorkers().at(0).incarnation(), 9U);

  const auto stream = Stream("mock: hang_after=0");
  ASSERT_TRUE(stream->WaitForEvents(1));
  EXPECT_TRUE(testing::WaitUntil(
      [this] { return ListWorkers().at(0).load().models(0).active_from_you() == 1; }));
  grpc::ClientContext context;
  fleet::v1::DrainWorkerRequest request;
  request.set_worker_id("asked");
  fleet::v1::DrainWorkerResponse response;
  EXPECT_TRUE(fleet_->DrainWorker(&context, request, &response).ok())
      << "without waiting for the stream";
  EXPECT_TRUE(testing::WaitUntil(
      [this] { return ListWorkers().at(0).load().state() == fleet::v1::WORKER_STATE_DRAINING; }));
  stream->Cancel();
}

TEST_F(MockWorkerMembership, LeavesInOrder) {
  StartWorkers(2);

  workers_[0]->Stop({});

  EXPECT_TRUE(testing::WaitUntil([this] { return ListWorkers().size() == 1; }));
  EXPECT_EQ(ListWorkers()[0].worker_id(), "mock-1");
}

TEST_F(MockWorkerMembership, ComesInLargeNumbers) {
  StartWorkers(50);

  EXPECT_EQ(ListWorkers().size(), 50U);
}

}  // namespace
}  // namespace chasqui::mock_worker
