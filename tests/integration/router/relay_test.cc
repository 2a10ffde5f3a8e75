// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/time/clock.h"
#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class RouterRelay : public RouterFixture {
 protected:
  void SetUp() override { StartRouter(); }
};

TEST_F(RouterRelay, PassesAStreamOnUnchanged) {
  const auto worker = JoinWorker();

  const auto client = Stream("Once upon a time");
  const auto call = worker->NextCall();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->request().prompt(), "Once upon a time");
  call->Answer({"there ", "was ", "a llama"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(client->text(), "there was a llama");
  const auto events = client->events();
  ASSERT_EQ(events.size(), 5u);
  EXPECT_TRUE(events.front().has_started());
  EXPECT_TRUE(events.back().has_finished());
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i);
}

TEST_F(RouterRelay, SendsEachEventAsItComes) {
  const auto worker = JoinWorker();
  const auto client = Stream();
  const auto call = worker->NextCall();

  call->SendStarted();
  EXPECT_TRUE(client->WaitForEvents(1));
  call->SendChunk("a");
  EXPECT_TRUE(client->WaitForEvents(2));
  call->SendFinished();
  call->Finish();

  EXPECT_TRUE(client->Wait().ok());
}

TEST_F(RouterRelay, PassesAUnaryAnswerOn) {
  const auto worker = JoinWorker();
  inference::v1::GenerateResponse response;
  grpc::Status status;
  concurrency::NamedThread client(
      "client", [&](std::stop_token) { status = Generate(testing::Prompt("hi"), &response); });

  const auto call = worker->NextCall();
  call->Finish();
  client = {};

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.started().worker_id(), "w1");
}

TEST_F(RouterRelay, PassesCallsWithoutASlotOnWhileAllAreBusy) {
  const auto worker = JoinWorker();
  const auto busy = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);
  inference::v1::TokenizeRequest request;
  request.set_text("ab");
  grpc::ClientContext context;
  inference::v1::TokenizeResponse response;

  const grpc::Status status = inference_->Tokenize(&context, request, &response);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(response.token_ids(), ElementsAre('a', 'b'));
}

TEST_F(RouterRelay, FillsInTheModelItResolved) {
  const auto worker = JoinWorker();
  inference::v1::EmbedRequest request;
  request.add_inputs()->set_text("x");
  grpc::ClientContext context;
  inference::v1::EmbedResponse response;

  ASSERT_TRUE(inference_->Embed(&context, request, &response).ok());

  EXPECT_EQ(response.model(), "tiny");
}

TEST_F(RouterRelay, MakesARequestIdWhenThereIsNone) {
  const auto worker = JoinWorker();
  const auto client = Stream();

  const auto call = worker->NextCall();

  EXPECT_THAT(call->request().request_id(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(call->Metadata("x-request-id"), call->request().request_id());
}

TEST_F(RouterRelay, KeepsTheRequestIdOfTheMetadata) {
  const auto worker = JoinWorker();

  const auto client = Stream("x", {.metadata = {{"x-request-id", "from-the-mesh"}}});

  EXPECT_EQ(worker->NextCall()->request().request_id(), "from-the-mesh");
}

TEST_F(RouterRelay, KeepsTheRequestIdOfTheMessage) {
  const auto worker = JoinWorker();
  inference::v1::GenerateRequest request = testing::Prompt("x");
  request.set_request_id("mine");

  const testing::ClientStream client(channel_, request,
                                     {.metadata = {{"x-request-id", "from-the-mesh"}}});

  EXPECT_EQ(worker->NextCall()->request().request_id(), "mine");
}

TEST_F(RouterRelay, TellsTheWorkerWhoAsksAndNotTheClientsKey) {
  const auto worker = JoinWorker();
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  const auto client =
      Stream("x", {.metadata = {{"traceparent", trace}, {"authorization", "Bearer secret"}}});
  const auto call = worker->NextCall();

  EXPECT_EQ(call->Metadata("x-chasqui-router-id"), "the-router");
  EXPECT_EQ(call->Metadata("traceparent"), trace);
  EXPECT_EQ(call->Metadata("authorization"), "");
}

TEST_F(RouterRelay, CarriesTheDeadline) {
  const auto worker = JoinWorker();
  const auto before = time::RealClock().SystemNow();

  const auto client = Stream("x", {.timeout = 60s});
  const auto call = worker->NextCall();

  EXPECT_GT(call->deadline(), before + 50s);
  EXPECT_LT(call->deadline(), time::RealClock().SystemNow() + 61s);
}

TEST_F(RouterRelay, PassesTheWorkersErrorOnUnchanged) {
  const auto worker = JoinWorker();
  worker->RefuseAll(rpc::ToGrpc(status::InvalidArgument("prompt", "is 900 tokens, at most 512")));

  const auto client = Stream();
  const grpc::Status status = client->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto violations = status::FieldViolations(rpc::FromGrpc(status));
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "prompt");
  EXPECT_EQ(violations[0].description, "is 900 tokens, at most 512");
}

TEST_F(RouterRelay, RefusesAWrongRequestBeforeAWorkerSeesIt) {
  const auto worker = JoinWorker();
  inference::v1::GenerateRequest request = testing::Prompt("x");
  request.mutable_sampling()->set_temperature(99);
  request.set_n(17);

  const grpc::Status status = Generate(request);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status::FieldViolations(rpc::FromGrpc(status)).size(), 2u);
  EXPECT_EQ(worker->active(), 0u);
}

TEST_F(RouterRelay, NamesTheKnownModelsWhenOneIsUnknown) {
  const auto worker = JoinWorker();
  inference::v1::GenerateRequest request = testing::Prompt("x");
  request.set_model("gpt-9");

  const grpc::Status status = Generate(request);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("tiny"));
}

TEST_F(RouterRelay, IsUnavailableWithoutWorkersAndSaysWhenToComeBack) {
  const grpc::Status status = Generate(testing::Prompt("x"));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "NO_WORKER");
  EXPECT_EQ(RetryDelay(status), 1s);
}

TEST_F(RouterRelay, ListsModelsOverAllWorkers) {
  const auto w1 = JoinWorker({.id = "w1", .slots = 2});
  const auto w2 = JoinWorker({.id = "w2", .slots = 3});
  grpc::ClientContext context;
  inference::v1::ListModelsResponse response;

  ASSERT_TRUE(inference_->ListModels(&context, {}, &response).ok());

  ASSERT_EQ(response.models_size(), 1);
  EXPECT_EQ(response.models(0).name(), "tiny");
  EXPECT_EQ(response.models(0).workers(), 2u);
  EXPECT_EQ(response.models(0).slots(), 5u);
}

TEST_F(RouterRelay, CountsRequestsByMethodModelAndCode) {
  const auto worker = JoinWorker();
  const auto client = Stream();
  worker->NextCall()->Answer({"a", "b"});
  ASSERT_TRUE(client->Wait().ok());

  EXPECT_TRUE(testing::WaitUntil([&] {
    return Metric(
               "chasqui_router_requests_total{code=\"OK\",method=\"StreamGenerate\","
               "model=\"tiny\"}") == 1;
  })) << metrics_->Text();
  EXPECT_EQ(Metric("chasqui_router_picks_total{worker=\"w1\"}"), 1);
  EXPECT_EQ(Metric("chasqui_router_time_to_first_token_seconds_count{model=\"tiny\",tenant=\"\"}"),
            1);
  EXPECT_EQ(Metric("chasqui_router_inter_token_seconds_count{model=\"tiny\",tenant=\"\"}"), 1);
}

}  // namespace
}  // namespace chasqui::router
