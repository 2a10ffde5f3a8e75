// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/token_estimate.h"

#include <string>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;

TEST(TokenEstimate, CountsFourBytesOfTextAsAToken) {
  GenerateRequest request;
  request.set_prompt(std::string(9, 'x'));
  request.mutable_stop()->set_max_tokens(20);

  const TokenEstimate estimate = EstimateTokens(request);

  EXPECT_EQ(estimate.prompt, 3);
  EXPECT_EQ(estimate.answer, 20);
  EXPECT_EQ(estimate.open_answers, 0);
}

TEST(TokenEstimate, CountsIdsAsTheyAre) {
  GenerateRequest request;
  for (std::uint32_t id = 0; id < 7; ++id) request.mutable_tokens()->add_ids(id);

  EXPECT_EQ(EstimateTokens(request).prompt, 7);
}

TEST(TokenEstimate, CountsEveryAnswer) {
  GenerateRequest request;
  request.set_prompt("x");
  request.set_n(3);
  EXPECT_EQ(EstimateTokens(request).open_answers, 3);

  request.mutable_stop()->set_max_tokens(5);
  EXPECT_EQ(EstimateTokens(request).answer, 15);
  EXPECT_EQ(EstimateTokens(request).open_answers, 0);
}

TEST(TokenEstimate, CountsAllTextsOfAChat) {
  GenerateRequest request;
  auto& chat = *request.mutable_chat();
  chat.add_tools()->set_description(std::string(8, 'd'));
  chat.add_messages()->add_parts()->set_text(std::string(4, 't'));
  chat.add_messages()->add_tool_calls()->set_arguments_json(std::string(12, 'a'));

  EXPECT_EQ(EstimateTokens(request).prompt, 2 + 1 + 3);
}

TEST(TokenEstimate, CountsWhatIsEmbeddedAndRanked) {
  inference::v1::EmbedRequest embed;
  embed.add_inputs()->set_text("12345");
  embed.add_inputs()->mutable_tokens()->add_ids(1);
  EXPECT_EQ(EstimateTokens(embed).prompt, 3);
  EXPECT_EQ(EstimateTokens(embed).open_answers, 0);

  inference::v1::RerankRequest rerank;
  rerank.set_query("1234");
  rerank.add_documents("12345678");
  rerank.add_documents("1");
  EXPECT_EQ(EstimateTokens(rerank).prompt, 3 + 2);
}

}  // namespace
}  // namespace chasqui::router
