// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

using RouterDrain = RouterFixture;

TEST_F(RouterDrain, FinishesWhatRunsAndWhatWaits) {
  StartRouter();
  const auto worker = JoinWorker();
  const auto running = Stream("running");
  const auto running_call = worker->NextCall();
  running_call->SendStarted();
  const auto waiting = Stream("waiting");
  ASSERT_TRUE(WaitForQueued(1));
  bool in_time = false;

  concurrency::NamedThread drain("drain", [&](std::stop_token) { in_time = router_->Drain(); });
  // What takes no slot is answered until the gate is closed, and refused from then on.
  ASSERT_TRUE(testing::WaitUntil([&] {
    grpc::ClientContext context;
    inference::v1::TokenizeRequest request;
    inference::v1::TokenizeResponse response;
    return Reason(inference_->Tokenize(&context, request, &response)) == "DRAINING";
  }));
  running_call->SendChunk("a");
  running_call->SendFinished();
  running_call->Finish();
  const auto waiting_call = worker->NextCall();
  ASSERT_NE(waiting_call, nullptr);
  waiting_call->Answer({"b"});
  drain = {};

  EXPECT_TRUE(in_time);
  EXPECT_TRUE(running->Wait().ok());
  EXPECT_EQ(running->text(), "a");
  EXPECT_TRUE(waiting->Wait().ok());
}

TEST_F(RouterDrain, CancelsWhatIsLeftAfterTheGrace) {
  Config config = TestConfig();
  *config.mutable_server()->mutable_drain_grace() = service::ToProto(100ms);
  StartRouter(config);
  const auto worker = JoinWorker();
  const auto running = Stream();
  const auto call = worker->NextCall();
  call->SendStarted();
  ASSERT_TRUE(running->WaitForEvents(1));

  EXPECT_FALSE(router_->Drain());

  EXPECT_EQ(running->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(call->WaitUntilCancelled());
}

TEST_F(RouterDrain, WorksWithSeveralLoops) {
  Config config = TestConfig();
  config.mutable_server()->set_loops(3);
  StartRouter(config);
  const auto w1 = JoinWorker({.id = "w1", .slots = 2});
  const auto w2 = JoinWorker({.id = "w2", .slots = 2});
  std::vector<std::unique_ptr<testing::ClientStream>> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(Stream());

  auto serve = [](testing::FakeWorker& worker) {
    return concurrency::NamedThread("serve", [&worker](std::stop_token stop) {
      while (!stop.stop_requested()) {
        if (const auto call = worker.NextCallFor(20ms)) call->Answer({"x", "y"});
      }
    });
  };
  const auto serving1 = serve(*w1);
  const auto serving2 = serve(*w2);

  for (const auto& client : clients) {
    EXPECT_TRUE(client->Wait().ok()) << client->Wait().error_message();
    EXPECT_EQ(client->text(), "xy");
  }
}

}  // namespace
}  // namespace chasqui::router
