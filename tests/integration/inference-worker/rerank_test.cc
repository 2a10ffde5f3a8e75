// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"
#include "tests/support/inference-worker/synth_model.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::HasSubstr;

// A worker with the model that ships, and a reranker of random weights as "ranker".
class WorkerRerank : public WorkerFixture {
 protected:
  WorkerRerank() {
    Config config = TestConfig();
    auto& model = *config.add_models();
    model.set_name("ranker");
    model.set_path(SynthModelPath(synth::ModelKind::kReranker));
    StartWorker(config);
  }

  static v1::RerankRequest Request() {
    v1::RerankRequest request;
    request.set_model("ranker");
    request.set_query("who carries the message");
    for (const char* text : {"a llama", "a runner with a knotted string", "the mountain", "rain"})
      request.add_documents(text);
    return request;
  }

  v1::RerankResponse Rerank(const v1::RerankRequest& request) {
    grpc::ClientContext context;
    v1::RerankResponse response;
    status_ = rpc::FromGrpc(inference_->Rerank(&context, request, &response));
    return response;
  }

  v1::Model Describe(const std::string& name) {
    grpc::ClientContext context;
    v1::GetModelRequest request;
    request.set_name(name);
    v1::GetModelResponse response;
    EXPECT_TRUE(inference_->GetModel(&context, request, &response).ok());
    return response.model();
  }

  absl::Status status_;
};

TEST_F(WorkerRerank, GivesTheBestFirst) {
  const auto response = Rerank(Request());

  ASSERT_TRUE(status_.ok()) << status_;
  ASSERT_EQ(response.results_size(), 4);
  std::vector<std::uint32_t> places;
  std::vector<float> scores;
  for (const auto& result : response.results()) {
    places.push_back(result.index());
    scores.push_back(result.score());
  }
  EXPECT_TRUE(std::ranges::is_sorted(scores, std::ranges::greater{}));
  EXPECT_THAT(places, ::testing::UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_EQ(response.model(), "ranker");
  EXPECT_GT(response.usage().prompt_tokens(), 40);
}

TEST_F(WorkerRerank, GivesOnlyTheBestThatAreAskedFor) {
  const auto all = Rerank(Request());
  auto request = Request();
  request.set_top_n(2);

  const auto best = Rerank(request);

  ASSERT_EQ(best.results_size(), 2);
  EXPECT_EQ(best.results(0).index(), all.results(0).index());
  request.set_top_n(100);
  EXPECT_EQ(Rerank(request).results_size(), 4);
}

TEST_F(WorkerRerank, SaysWhyAModelCannotRank) {
  auto request = Request();
  request.set_model("tiny");

  Rerank(request);

  EXPECT_EQ(status_.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status_.message(), HasSubstr("no head"));
}

TEST_F(WorkerRerank, RefusesToGenerateWithAModelThatRanks) {
  auto request = Chat("hello");
  request.set_model("ranker");
  request.clear_chat();
  request.set_prompt("hello");

  EXPECT_EQ(Generate(request).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(WorkerRerank, TellsWhatEachModelCan) {
  const auto tiny = Describe("tiny");
  const auto ranker = Describe("ranker");

  EXPECT_TRUE(tiny.generates() && tiny.embeds() && !tiny.reranks());
  EXPECT_TRUE(!ranker.generates() && !ranker.embeds() && ranker.reranks());
  EXPECT_GT(ranker.slots(), 0);
  EXPECT_EQ(ranker.context_tokens(), 256);
}

}  // namespace
}  // namespace chasqui::worker
