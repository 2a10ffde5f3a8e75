// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::HasSubstr;

class WorkerText : public WorkerFixture {
 protected:
  WorkerText() { StartWorker(); }

  template <typename Response, typename Request>
  Response Call(grpc::Status (v1::InferenceService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                const Request& request) {
    grpc::ClientContext context;
    Response response;
    status_ = rpc::FromGrpc((inference_.get()->*method)(&context, request, &response));
    return response;
  }

  absl::Status status_;
};

TEST_F(WorkerText, GivesBackWhatItTokenized) {
  v1::TokenizeRequest request;
  request.set_text("caf\xC3\xA9 <|im_start|>");
  request.set_with_pieces(true);
  const auto tokens = Call(&v1::InferenceService::Stub::Tokenize, request);
  ASSERT_TRUE(status_.ok());
  EXPECT_EQ(tokens.pieces_size(), tokens.token_ids_size());

  v1::DetokenizeRequest back;
  *back.mutable_token_ids() = tokens.token_ids();

  EXPECT_EQ(Call(&v1::InferenceService::Stub::Detokenize, back).text(), request.text());
  request.set_parse_special(true);
  EXPECT_LT(Call(&v1::InferenceService::Stub::Tokenize, request).token_ids_size(),
            tokens.token_ids_size());
}

TEST_F(WorkerText, ReplacesBytesThatAreNoText) {
  v1::TokenizeRequest request;
  request.set_text("\xC3\xA9");
  request.set_with_pieces(true);
  v1::DetokenizeRequest half;
  // The model's tokenizer knows single bytes: take the token of a first byte alone.
  const auto tokens = Call(&v1::InferenceService::Stub::Tokenize, request);
  for (std::uint32_t id = 0; id < 300 && half.token_ids_size() == 0; ++id) {
    v1::DetokenizeRequest one;
    one.add_token_ids(id);
    if (Call(&v1::InferenceService::Stub::Detokenize, one).text() == "\xEF\xBF\xBD")
      half.add_token_ids(id);
  }
  ASSERT_EQ(half.token_ids_size(), 1);

  EXPECT_EQ(Call(&v1::InferenceService::Stub::Detokenize, half).text(), "\xEF\xBF\xBD");
}

TEST_F(WorkerText, AppliesTheTemplateAsGenerateDoes) {
  v1::ApplyTemplateRequest request;
  *request.mutable_chat() = Chat("What is a router?").chat();
  const auto applied = Call(&v1::InferenceService::Stub::ApplyTemplate, request);
  ASSERT_TRUE(status_.ok());

  v1::GenerateRequest generate = Chat("");
  generate.clear_chat();
  *generate.mutable_tokens()->mutable_ids() = applied.token_ids();
  v1::GenerateResponse response;
  ASSERT_TRUE(Generate(generate, response).ok());

  EXPECT_THAT(applied.prompt(), HasSubstr("What is a router?"));
  EXPECT_EQ(response.completions(0).text(), kRouterAnswer);
}

TEST_F(WorkerText, EmbedsToLengthOne) {
  v1::EmbedRequest request;
  request.add_inputs()->set_text("a llama");
  request.add_inputs()->set_text("a router");
  request.set_dimensions(16);

  const auto response = Call(&v1::InferenceService::Stub::Embed, request);

  ASSERT_TRUE(status_.ok()) << status_;
  ASSERT_EQ(response.embeddings_size(), 2);
  double squares = 0;
  for (const float value : response.embeddings(0).values()) squares += value * value;
  EXPECT_EQ(response.embeddings(0).values_size(), 16);
  EXPECT_NEAR(squares, 1, 1e-4);
  EXPECT_GT(response.usage().prompt_tokens(), 0);
}

TEST_F(WorkerText, TellsItsModels) {
  const auto models = Call(&v1::InferenceService::Stub::ListModels, v1::ListModelsRequest());
  ASSERT_EQ(models.models_size(), 1);
  const auto& model = models.models(0);
  EXPECT_EQ(model.name(), "tiny");
  EXPECT_EQ(model.quantization(), "Q8_0");
  EXPECT_EQ(model.context_tokens(), 1024);
  EXPECT_EQ(model.slots(), 2);
  EXPECT_EQ(model.state(), v1::MODEL_STATE_READY);

  v1::GetModelRequest request;
  request.set_name("small");
  EXPECT_EQ(Call(&v1::InferenceService::Stub::GetModel, request).model().name(), "tiny");
  request.set_name("none");
  Call(&v1::InferenceService::Stub::GetModel, request);
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace chasqui::worker
