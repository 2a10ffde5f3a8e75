// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/router/keys_fixture.h"

namespace chasqui::router {
namespace {

// A router with one slot, and two tenants that want it.
class RouterTenants : public KeysFixture {
 protected:
  void SetUp() override {
    WriteKeys(UsualKeys("tenant: team-a") + Entry(other_, "tenant: team-b"));
    Config config = TestConfig();
    config.mutable_queue()->set_quantum_tokens(1);
    StartRouter(WithKeys(config));
    worker_process_ = JoinWorker({.slots = 1, .api_key = worker_.key});
    running_ = Stream("running", {.metadata = Bearer(client_.key)});
    running_call_ = worker_process_->NextCall();
  }

  std::unique_ptr<testing::ClientStream> Send(const NewApiKey& key, const std::string& prompt) {
    inference::v1::GenerateRequest request = testing::Prompt(prompt);
    request.set_request_id(prompt);
    return std::make_unique<testing::ClientStream>(
        channel_, request, testing::ClientStream::Options{.metadata = Bearer(key.key)});
  }

  inference::v1::QueueState StateOf(const std::string& id, const NewApiKey& key) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + key.key);
    inference::v1::GetQueuePositionRequest request;
    request.set_request_id(id);
    inference::v1::GetQueuePositionResponse response;
    EXPECT_TRUE(inference_->GetQueuePosition(&context, request, &response).ok());
    return response.state();
  }

  const NewApiKey other_ = MakeApiKey();
  std::unique_ptr<testing::FakeWorker> worker_process_;
  std::unique_ptr<testing::ClientStream> running_;
  std::shared_ptr<testing::FakeCall> running_call_;
};

TEST_F(RouterTenants, AreServedInTurns) {
  const auto first = Send(client_, "first");
  ASSERT_TRUE(WaitForQueued(1));
  const auto second = Send(client_, "second");
  ASSERT_TRUE(WaitForQueued(2));
  const auto other = Send(other_, "other");
  ASSERT_TRUE(WaitForQueued(3));

  running_call_->Answer({});

  for (const char* prompt : {"first", "other", "second"}) {
    const auto call = worker_process_->NextCall();
    EXPECT_EQ(call->request().prompt(), prompt);
    call->Answer({});
  }
}

TEST_F(RouterTenants, SeeOnlyTheirOwnRequests) {
  const auto waiting = Send(client_, "waiting");
  ASSERT_TRUE(WaitForQueued(1));

  EXPECT_EQ(StateOf("waiting", client_), inference::v1::QUEUE_STATE_WAITING);
  EXPECT_EQ(StateOf("waiting", other_), inference::v1::QUEUE_STATE_UNKNOWN);
}

}  // namespace
}  // namespace chasqui::router
