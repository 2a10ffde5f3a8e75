// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using inference::v1::ResumeStreamRequest;
using inference::v1::StreamGenerateResponse;
using ::testing::ElementsAre;

class RouterResume : public RouterFixture {
 protected:
  struct Rest {
    grpc::Status status;
    std::vector<StreamGenerateResponse> events;

    std::string text() const {
      std::string text;
      for (const auto& event : events) text += event.chunk().text();
      return text;
    }
  };

  void SetUp() override { StartRouter(); }

  // A stream "r1" of which Started and two chunks have come.
  void BeginStream() {
    worker_ = JoinWorker({.id = "w1"});
    auto request = testing::Prompt("hello");
    request.set_request_id("r1");
    client_ = std::make_unique<testing::ClientStream>(channel_, request);
    call_ = worker_->NextCall();
    call_->SendStarted();
    call_->SendChunk("one ", {1});
    call_->SendChunk("two ", {2});
    ASSERT_TRUE(client_->WaitForEvents(3));
  }

  void FinishStream() {
    call_->SendFinished();
    call_->Finish();
    ASSERT_TRUE(client_->Wait().ok());
  }

  void Lose() {
    client_->Cancel();
    ASSERT_TRUE(call_->WaitUntilCancelled());
    client_->Wait();
  }

  static ResumeStreamRequest After(std::uint64_t sequence, const std::string& id = "r1") {
    ResumeStreamRequest request;
    request.set_request_id(id);
    request.set_after_sequence(sequence);
    return request;
  }

  Rest Resume(const ResumeStreamRequest& request) { return Resume(request, *inference_); }
  static Rest Resume(const ResumeStreamRequest& request,
                     inference::v1::InferenceService::Stub& stub) {
    grpc::ClientContext context;
    const auto reader = stub.ResumeStream(&context, request);
    Rest rest;
    StreamGenerateResponse event;
    while (reader->Read(&event)) rest.events.push_back(event);
    rest.status = reader->Finish();
    return rest;
  }

  std::unique_ptr<testing::FakeWorker> worker_;
  std::unique_ptr<testing::ClientStream> client_;
  std::shared_ptr<testing::FakeCall> call_;
};

TEST_F(RouterResume, SendsTheEndOfAStreamAgain) {
  BeginStream();
  FinishStream();

  const Rest rest = Resume(After(1));

  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  ASSERT_EQ(rest.events.size(), 2u);
  EXPECT_EQ(rest.events[0].sequence(), 2u);
  EXPECT_EQ(rest.events[0].chunk().text(), "two ");
  EXPECT_TRUE(rest.events[1].has_finished());
  EXPECT_EQ(Metric("chasqui_router_streams_resumed_total{source=\"kept\"}"), 1);
}

TEST_F(RouterResume, CountsTheTokensOfAStreamOnce) {
  BeginStream();
  inference::v1::Usage usage;
  usage.set_completion_tokens(2);
  call_->SendFinished(&usage);
  call_->Finish();
  ASSERT_TRUE(client_->Wait().ok());

  EXPECT_TRUE(Resume(After(1)).status.ok());

  EXPECT_EQ(Metric("chasqui_router_tokens_total{kind=\"completion\",model=\"tiny\",tenant=\"\"}"),
            2);
}

TEST_F(RouterResume, SendsAllOfAStreamToAClientThatSawNothing) {
  BeginStream();
  FinishStream();
  ResumeStreamRequest request;
  request.set_request_id("r1");

  EXPECT_EQ(Resume(request).events.size(), 4u);
  // And once more.
  EXPECT_EQ(Resume(request).events.size(), 4u);
}

TEST_F(RouterResume, GoesOnWithAStreamThatItsClientLost) {
  BeginStream();
  Lose();

  concurrency::NamedThread next("worker", [&](const std::stop_token&) {
    const auto again = worker_->NextCall();
    EXPECT_THAT(again->request().resume().candidates(0).token_ids(), ElementsAre(1, 2));
    again->Answer({"three"});
  });
  const Rest rest = Resume(After(1));

  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(rest.text(), "two three");
  for (std::size_t i = 0; i < rest.events.size(); ++i) {
    EXPECT_EQ(rest.events[i].sequence(), i + 2);
  }
}

TEST_F(RouterResume, ComputesNothingForAStreamThatNobodyReads) {
  BeginStream();
  Lose();

  EXPECT_EQ(worker_->NextCallFor(50ms), nullptr);
  EXPECT_TRUE(testing::WaitUntil([&] { return worker_->active() == 0; }));
}

TEST_F(RouterResume, TakesAStreamOverFromACallThatStillReadsIt) {
  BeginStream();

  concurrency::NamedThread next(
      "worker", [&](const std::stop_token&) { worker_->NextCall()->Answer({"three"}); });
  const Rest rest = Resume(After(2));

  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(rest.text(), "three");
  const grpc::Status former = client_->Wait();
  EXPECT_EQ(former.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Reason(former), "TAKEN_UP_ELSEWHERE");
}

TEST_F(RouterResume, CanBeLostAndTakenUpAgainAndAgain) {
  BeginStream();
  Lose();
  for (std::uint32_t token = 3; token < 6; ++token) {
    concurrency::NamedThread next("worker", [&](const std::stop_token&) {
      call_ = worker_->NextCall();
      call_->SendStarted();
      call_->SendChunk("x", {token});
      call_->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the reader was too slow"));
    });
    const Rest rest = Resume(After(token - 1));
    EXPECT_EQ(rest.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    ASSERT_EQ(rest.events.size(), 1u);
    EXPECT_EQ(rest.events[0].sequence(), token);
  }
}

TEST_F(RouterResume, SaysWhatIsWrong) {
  BeginStream();
  FinishStream();

  EXPECT_EQ(Resume(After(3)).status.error_code(), grpc::StatusCode::OK);
  EXPECT_EQ(Resume(After(4)).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Resume(After(UINT64_MAX)).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Resume(After(0, "nobody")).status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Resume(After(0, "")).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Resume(After(0, "a b")).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  // None of this cost the stream.
  EXPECT_EQ(Resume(After(2)).events.size(), 1u);
}

TEST_F(RouterResume, SaysWhenEventsAreGone) {
  Config config = TestConfig();
  config.mutable_streams()->set_replay_bytes(4096);
  StartRouter(config);
  BeginStream();
  for (std::uint32_t token = 3; token < 100; ++token) {
    call_->SendChunk(std::string(100, 'x'), {token});
  }
  FinishStream();

  const grpc::Status early = Resume(After(0)).status;
  const Rest late = Resume(After(95));

  EXPECT_EQ(early.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(Reason(early), "EVENTS_GONE");
  EXPECT_TRUE(late.status.ok());
  EXPECT_EQ(late.events.size(), 5u);
}

TEST_F(RouterResume, ForgetsAStreamAfterItsTime) {
  Config config = TestConfig();
  *config.mutable_streams()->mutable_resume_window() = service::ToProto(500ms);
  StartRouter(config);
  BeginStream();
  FinishStream();

  ASSERT_GT(Metric("chasqui_router_kept_stream_bytes"), 0);
  ASSERT_TRUE(testing::WaitUntil([&] { return Metric("chasqui_router_kept_stream_bytes") == 0; }));

  EXPECT_EQ(Resume(After(0)).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RouterResume, KeepsNoMoreBytesThanItMay) {
  Config config = TestConfig();
  config.mutable_streams()->set_max_kept_bytes(0);
  StartRouter(config);
  BeginStream();
  FinishStream();

  EXPECT_EQ(Resume(After(0)).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RouterResume, GoesByWhatTheClientGivesBackWhereNoRouterHasIt) {
  worker_ = JoinWorker({.id = "w1"});
  ResumeStreamRequest request = After(2);
  *request.mutable_request() = testing::Prompt("hello");
  request.mutable_request()->mutable_sampling()->set_seed(5);
  auto& seen = *request.mutable_request()->mutable_resume();
  seen.set_next_sequence(3);
  seen.add_candidates()->add_token_ids(1);

  concurrency::NamedThread next("worker", [&](const std::stop_token&) {
    const auto call = worker_->NextCall();
    EXPECT_EQ(call->request().request_id(), "r1");
    EXPECT_THAT(call->request().resume().candidates(0).token_ids(), ElementsAre(1));
    call->Answer({"two"});
  });
  const Rest rest = Resume(request);

  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(rest.text(), "two");
  EXPECT_EQ(rest.events.front().sequence(), 3u);
}

// A second router, which knows of the first.
class RouterPeers : public RouterResume {
 protected:
  void SetUp() override {
    StartRouter();
    Config config = TestConfig();
    config.set_router_id("the-other");
    config.mutable_streams()->add_peers("127.0.0.1:1");  // nobody is there
    config.mutable_streams()->add_peers(router_->local_address());
    other_metrics_ = std::make_unique<observability::Metrics>("router");
    other_ = std::make_unique<RouterServer>(config, *other_metrics_, observability::Logger());
    ASSERT_TRUE(other_->Start().ok());
    other_stub_ = inference::v1::InferenceService::NewStub(
        grpc::CreateChannel(other_->local_address(), grpc::InsecureChannelCredentials()));
  }

  std::unique_ptr<observability::Metrics> other_metrics_;
  std::unique_ptr<RouterServer> other_;
  std::unique_ptr<inference::v1::InferenceService::Stub> other_stub_;
};

TEST_F(RouterPeers, AskTheOneThatHasTheStream) {
  BeginStream();
  Lose();

  concurrency::NamedThread next(
      "worker", [&](const std::stop_token&) { worker_->NextCall()->Answer({"three"}); });
  const Rest rest = Resume(After(1), *other_stub_);

  EXPECT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(rest.text(), "two three");
}

TEST_F(RouterPeers, PassOnWhatIsWrong) {
  BeginStream();
  FinishStream();

  EXPECT_EQ(Resume(After(9), *other_stub_).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RouterPeers, FindNothingWhereNobodyHasIt) {
  EXPECT_EQ(Resume(After(1), *other_stub_).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace chasqui::router
