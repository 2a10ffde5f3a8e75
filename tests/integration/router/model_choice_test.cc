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
using testing::FakeWorker;
using ::testing::HasSubstr;

// Which model answers a request, where the request leaves that open or nobody is left.
class RouterModelChoice : public RouterFixture {
 protected:
  void SetUp() override {
    Config config = TestConfig();
    auto& fallback = *config.mutable_models()->add_fallbacks();
    fallback.set_model("tiny");
    fallback.add_instead("nobody-has-it");
    fallback.add_instead("spare");
    StartRouter(config);
  }

  // A worker of one model of this context.
  std::unique_ptr<FakeWorker> JoinWithContext(const std::string& name, std::uint32_t tokens) {
    auto worker = JoinWorker({.id = "of-" + name, .model = name});
    inference::v1::Model model = worker->Hello().models().models(0);
    model.set_context_tokens(tokens);
    worker->SetModels({model});
    EXPECT_TRUE(testing::WaitUntil([&] {
      grpc::ClientContext context;
      inference::v1::GetModelRequest request;
      request.set_name(name);
      inference::v1::GetModelResponse response;
      return inference_->GetModel(&context, request, &response).ok() &&
             response.model().context_tokens() == tokens;
    }));
    return worker;
  }

  std::unique_ptr<testing::ClientStream> Ask(const inference::v1::GenerateRequest& request,
                                             testing::ClientStream::Options options = {}) {
    return std::make_unique<testing::ClientStream>(channel_, request, options);
  }

  double Fallbacks() const {
    return Metric("chasqui_router_fallbacks_total{from=\"tiny\",to=\"spare\"}");
  }
};

TEST_F(RouterModelChoice, FollowsTheRequirements) {
  const auto narrow = JoinWithContext("narrow", 512);
  const auto wide = JoinWithContext("wide", 9000);
  inference::v1::GenerateRequest request = testing::Prompt("hello");
  request.mutable_model_requirements()->set_min_context_tokens(1000);

  const auto client = Ask(request);
  const auto call = wide->NextCall();

  EXPECT_EQ(call->request().model(), "wide");
  EXPECT_FALSE(call->request().has_model_requirements()) << "workers do not choose";
  call->Answer({"ok"});
  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(client->events()[0].started().model(), "wide");
}

TEST_F(RouterModelChoice, TellsWhyNoneFits) {
  const auto narrow = JoinWithContext("narrow", 512);
  inference::v1::GenerateRequest request = testing::Prompt("hello");
  request.mutable_model_requirements()->set_min_context_tokens(1000);

  const grpc::Status status = Ask(request)->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Reason(status), "NO_MODEL_FITS");
  EXPECT_THAT(status.error_message(), HasSubstr("'narrow': context_tokens 512 is below"));
}

TEST_F(RouterModelChoice, FallsBackWhenNobodyHasTheModel) {
  const auto spare = JoinWorker({.id = "w1", .model = "spare"});

  const auto client = Stream();
  const auto call = spare->NextCall();

  EXPECT_EQ(call->request().model(), "spare");
  call->Answer({"ok"});
  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(client->events()[0].started().model(), "spare");
  EXPECT_EQ(Fallbacks(), 1);
}

TEST_F(RouterModelChoice, FallsBackWhenTheLastWorkerLeavesWhileRequestsWait) {
  const auto tiny = JoinWorker({.id = "w1"});
  const auto running = Stream();
  const auto first = tiny->NextCall();
  first->SendStarted();
  EXPECT_TRUE(running->WaitForEvents(1));
  const auto waiting = Stream();
  ASSERT_TRUE(WaitForQueued(1));
  const auto spare = JoinWorker({.id = "w2", .model = "spare"});

  tiny->SetState(fleet::v1::WORKER_STATE_DRAINING);
  const auto call = spare->NextCall();

  EXPECT_EQ(call->request().model(), "spare");
  call->Answer({"ok"});
  EXPECT_TRUE(waiting->Wait().ok());
  EXPECT_EQ(Fallbacks(), 1);
  first->SendFinished();
  first->Finish();
  EXPECT_TRUE(running->Wait().ok());
}

TEST_F(RouterModelChoice, FallsBackWhenTheOnlyWorkerCannotBeReached) {
  const auto tiny = JoinWorker({.id = "w1"});
  tiny->RefuseAll(rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", 1s)));
  const auto spare = JoinWorker({.id = "w2", .model = "spare"});

  const auto client = Stream();
  const auto call = spare->NextCall();
  call->Answer({"ok"});

  EXPECT_TRUE(client->Wait().ok());
}

TEST_F(RouterModelChoice, StaysWithTheModelThatIsThere) {
  const auto tiny = JoinWorker({.id = "w1"});
  const auto spare = JoinWorker({.id = "w2", .model = "spare", .slots = 9});

  const auto client = Stream();
  tiny->NextCall()->Answer({"ok"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(Fallbacks(), -1);
}

TEST_F(RouterModelChoice, DoesNotFallBackForThoseWhoDoNotWantIt) {
  const auto spare = JoinWorker({.id = "w1", .model = "spare"});

  const grpc::Status status =
      Stream("hello", {.metadata = {{"x-chasqui-no-fallback", "1"}}})->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

// Ids of one model's tokens mean something else to another.
TEST_F(RouterModelChoice, DoesNotFallBackWithWhatIsOneModelsOnly) {
  const auto spare = JoinWorker({.id = "w1", .model = "spare"});
  std::vector<inference::v1::GenerateRequest> requests(5, testing::Prompt("hello"));
  requests[0].mutable_tokens()->add_ids(1);
  requests[1].mutable_stop()->add_token_ids(1);
  (*requests[2].mutable_sampling()->mutable_logit_bias())[1] = 1;
  requests[3].add_lora_adapters()->set_name("a");
  requests[4].mutable_resume()->add_candidates()->add_token_ids(1);

  for (const auto& request : requests) {
    EXPECT_EQ(Ask(request)->Wait().error_code(), grpc::StatusCode::NOT_FOUND)
        << request.ShortDebugString();
  }
  inference::v1::EmbedRequest embed;
  embed.set_model("tiny");
  embed.add_inputs()->set_text("hello");
  grpc::ClientContext context;
  inference::v1::EmbedResponse response;
  EXPECT_EQ(inference_->Embed(&context, embed, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace chasqui::router
