// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/rpc/grpc_status.h"
#include "common/status/status.h"
#include "tests/support/client_stream.h"
#include "tests/support/wait_until.h"
#include "tools/mock-worker/mock_worker.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {
namespace {

using ::testing::HasSubstr;

inference::v1::GenerateRequest Request(const std::string& prompt) {
  inference::v1::GenerateRequest request;
  request.set_prompt(prompt);
  return request;
}

// A mock worker with two slots, asked without a router.
class MockWorkerAnswer : public ::testing::Test {
 protected:
  void SetUp() override {
    worker_ = std::make_unique<MockWorker>(MockWorkerOptions{.id = "mock-0", .slots = 2});
    ASSERT_TRUE(worker_->Start().ok());
    channel_ = grpc::CreateChannel(worker_->address(), grpc::InsecureChannelCredentials());
  }

  std::unique_ptr<testing::ClientStream> Stream(const inference::v1::GenerateRequest& request) {
    return std::make_unique<testing::ClientStream>(channel_, request);
  }
  std::unique_ptr<testing::ClientStream> Stream(const std::string& prompt) {
    return Stream(Request(prompt));
  }

  std::unique_ptr<MockWorker> worker_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(MockWorkerAnswer, IsNumberedWithoutAGapFromStartedToFinished) {
  const auto stream = Stream("mock: tokens=3");

  ASSERT_TRUE(stream->Wait().ok());
  const auto events = stream->events();
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[0].started().worker_id(), "mock-0");
  EXPECT_EQ(events[4].finished().usage().completion_tokens(), 3U);
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i);
}

TEST_F(MockWorkerAnswer, HasTheTextOfPromptAndPosition) {
  const std::string prompt = "mock: tokens=2 interval_ms=1";
  const auto stream = Stream(prompt);

  ASSERT_TRUE(stream->Wait().ok());
  EXPECT_EQ(stream->text(),
            TokenAt(PromptHash(prompt), 0, 0, 0).text + TokenAt(PromptHash(prompt), 0, 1, 0).text);
}

TEST_F(MockWorkerAnswer, GoesOnWhereAnotherStreamBroke) {
  inference::v1::GenerateRequest request = Request("mock: tokens=6 fail_after=2");
  const auto broken = Stream(request);
  ASSERT_EQ(broken->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  auto& candidate = *request.mutable_resume()->add_candidates();
  for (const auto& event : broken->events()) {
    candidate.mutable_token_ids()->MergeFrom(event.chunk().token_ids());
  }
  request.mutable_resume()->set_next_sequence(broken->events().size());

  const auto rest = Stream(request);

  ASSERT_TRUE(rest->Wait().ok());
  EXPECT_TRUE(rest->events().front().has_started());
  EXPECT_EQ(rest->events().front().sequence(), 3U);
  EXPECT_EQ(rest->events()[1].chunk().token_ids(0), TokenIdAt(PromptHash(request.prompt()), 0, 2));
  EXPECT_EQ(rest->events().back().sequence(), 8U);
}

TEST_F(MockWorkerAnswer, IsRefusedAsFullWhileAllSlotsAreTaken) {
  const auto first = Stream("mock: hang_after=0");
  const auto second = Stream("mock: hang_after=0");
  ASSERT_TRUE(first->WaitForEvents(1));
  ASSERT_TRUE(second->WaitForEvents(1));

  const absl::Status third = rpc::FromGrpc(Stream("mock: tokens=1")->Wait());
  EXPECT_EQ(third.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(third), "WORKER_FULL");
  first->Cancel();
  first->Wait();
  EXPECT_TRUE(testing::WaitUntil([this] { return Stream("mock: tokens=1")->Wait().ok(); }));
  second->Cancel();
}

TEST_F(MockWorkerAnswer, FailsAsItIsAskedTo) {
  EXPECT_EQ(Stream("mock: refuse=13")->Wait().error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(Stream("mock: full=1")->Wait().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto cut = Stream("mock: tokens=9 cut_after=2");
  EXPECT_TRUE(cut->Wait().ok());
  EXPECT_EQ(cut->events().size(), 3U);
  const auto wrong = Stream("mock: speed=9")->Wait();
  EXPECT_EQ(wrong.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(wrong.error_message(), HasSubstr("speed"));
}

TEST_F(MockWorkerAnswer, ComesWholeByGenerate) {
  const auto stub = inference::v1::InferenceService::NewStub(channel_);
  const inference::v1::GenerateRequest request = Request("mock: tokens=4");
  grpc::ClientContext context;
  inference::v1::GenerateResponse response;

  ASSERT_TRUE(stub->Generate(&context, request, &response).ok());

  const auto stream = Stream(request);
  ASSERT_TRUE(stream->Wait().ok());
  EXPECT_EQ(response.completions(0).text(), stream->text());
}

TEST_F(MockWorkerAnswer, StreamsThatHangDoNotHoldUpTheEnd) {
  const auto stream = Stream("mock: hang_after=1");
  ASSERT_TRUE(stream->WaitForEvents(2));

  worker_->Stop({});

  EXPECT_EQ(stream->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace chasqui::mock_worker
