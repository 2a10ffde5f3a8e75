// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/token_sampler.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

using testing::HasSubstr;

const Vocabulary& Vocab() { return TinyModel()->vocabulary(); }

std::unique_ptr<TokenSampler> Make(SamplerSpec spec) {
  auto sampler = TokenSampler::Create(Vocab(), std::move(spec), 1024);
  EXPECT_TRUE(sampler.ok()) << sampler.status();
  return *std::move(sampler);
}

SamplerSpec Greedy() { return {.params = {.temperature = 0}}; }

// Logits in which the first of `order` is likeliest, then the second, and so on.
std::vector<float> Logits(const TokenIds& order) {
  std::vector<float> logits(Vocab().size(), -10);
  float logit = 10;
  for (const TokenId token : order) logits[static_cast<std::size_t>(token)] = (logit -= 0.5F);
  return logits;
}

TokenId Token(std::string_view text) { return Vocab().Tokenize(text, Markers::kAreTokens).front(); }

TEST(TokenSampler, TakesTheLikeliestWhenGreedy) {
  auto logits = Logits({7, 9});

  EXPECT_EQ(Make(Greedy())->Sample(logits, 0), 7);
}

TEST(TokenSampler, HasNothingToTakeWhenAllIsExcluded) {
  std::vector<float> logits(Vocab().size(), -std::numeric_limits<float>::infinity());

  EXPECT_EQ(Make(Greedy())->Sample(logits, 0), std::nullopt);
  EXPECT_EQ(Make({})->Sample(logits, 0), std::nullopt);
}

TEST(TokenSampler, AddsTheBias) {
  SamplerSpec spec = Greedy();
  spec.params.logit_bias = {{9, 5.0F}};
  auto logits = Logits({7, 9});

  EXPECT_EQ(Make(spec)->Sample(logits, 0), 9);
}

TEST(TokenSampler, PenalisesThePromptToo) {
  SamplerSpec spec = Greedy();
  spec.params.penalties.presence = 1;
  const auto sampler = Make(spec);
  sampler->AcceptPrompt(7);
  auto logits = Logits({7, 9});

  EXPECT_EQ(sampler->Sample(logits, 0), 9);
}

TEST(TokenSampler, BreaksRepeatedSequencesByDry) {
  SamplerSpec spec = Greedy();
  spec.params.dry.multiplier = 5;
  const auto sampler = Make(spec);
  const TokenIds words = {Token("a"), Token("b"), Token("c"), Token("d")};
  for (const TokenId token : words) sampler->AcceptPrompt(token);
  for (const TokenId token : {words[0], words[1], words[2]}) EXPECT_TRUE(sampler->Accept(token));
  auto logits = Logits({words[3], Token("e")});

  EXPECT_EQ(sampler->Sample(logits, 3), Token("e"));
}

TEST(TokenSampler, DoesNotEndBeforeTheLeastTokens) {
  const TokenId end = Vocab().end_tokens().front();
  SamplerSpec spec = Greedy();
  spec.min_tokens = 2;
  const auto sampler = Make(spec);
  const auto at = [&](std::uint64_t position) {
    auto logits = Logits({end, 7});
    return sampler->Sample(logits, position);
  };
  EXPECT_EQ(at(0), 7);
  EXPECT_EQ(at(1), 7);
  EXPECT_EQ(at(2), end);
}

TEST(TokenSampler, NeverEndsWhenToldSo) {
  SamplerSpec spec = Greedy();
  spec.ignore_eos = true;
  auto logits = Logits({Vocab().end_tokens().front(), 7});

  EXPECT_EQ(Make(spec)->Sample(logits, 100), 7);
}

TEST(TokenSampler, DrawsByThePositionAndNothingElse) {
  const TokenIds order = {1, 2, 3, 4, 5, 6, 7, 8};
  const SamplerSpec spec{.params = {.temperature = 2, .top_p = 1, .min_p = 0, .seed = 11}};
  const auto one = Make(spec);
  const auto other = Make(spec);
  std::vector<TokenId> tokens;
  for (std::uint64_t position = 0; position < 50; ++position) {
    auto logits = Logits(order);
    tokens.push_back(*one->Sample(logits, position));
  }

  for (const std::uint64_t position : {49, 3, 17}) {
    auto logits = Logits(order);
    EXPECT_EQ(other->Sample(logits, position), tokens[position]);
  }
  EXPECT_GT(std::set(tokens.begin(), tokens.end()).size(), 3);
}

TEST(TokenSampler, HonoursTopK) {
  const auto sampler = Make({.params = {.temperature = 10, .top_k = 2, .top_p = 1, .min_p = 0}});
  for (std::uint64_t position = 0; position < 100; ++position) {
    auto logits = Logits({5, 6, 7, 8});
    EXPECT_THAT(*sampler->Sample(logits, position), testing::AnyOf(5, 6));
  }
}

TEST(TokenSampler, MirostatKeepsToItsTarget) {
  SamplerSpec spec;
  spec.params.mirostat = MirostatParams{.tau = 1.5F, .eta = 0.2F};
  spec.params.temperature = 1;
  const auto sampler = Make(spec);
  double surprise = 0;
  constexpr int kRounds = 2000;
  for (std::uint64_t position = 0; position < kRounds; ++position) {
    std::vector<float> logits(Vocab().size(), -100);
    double sum = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      logits[i] = -0.1F * static_cast<float>(i);
      sum += std::exp(logits[i]);
    }
    const auto before = logits;
    const TokenId token = *sampler->Sample(logits, position);
    sampler->Accept(token);
    surprise -= std::log2(std::exp(before[static_cast<std::size_t>(token)]) / sum);
  }
  EXPECT_LT(surprise / kRounds, 5);
  EXPECT_GT(surprise / kRounds, 1);
}

TEST(TokenSampler, FollowsTheGrammar) {
  SamplerSpec spec = Greedy();
  spec.grammar = R"(root ::= "yes" | "no")";
  const auto sampler = Make(spec);
  const TokenId no = Token("n");
  auto logits = Logits({Token("x"), no, Token("y")});

  const auto token = sampler->Sample(logits, 0);

  EXPECT_EQ(token, no);
  EXPECT_TRUE(sampler->Accept(*token));
}

TEST(TokenSampler, FollowsTheGrammarWhenEveryLikelyTokenIsForbidden) {
  for (const float temperature : {0.0F, 1.0F}) {
    SamplerSpec spec{.params = {.temperature = temperature}, .grammar = R"(root ::= "y")"};
    std::vector<float> logits(Vocab().size(), 5);
    logits[static_cast<std::size_t>(Token("y"))] = -5;

    EXPECT_EQ(Make(spec)->Sample(logits, 0), Token("y"));
  }
}

TEST(TokenSampler, EndsWhenTheGrammarDoes) {
  SamplerSpec spec = Greedy();
  spec.grammar = R"(root ::= "y")";
  const auto sampler = Make(spec);
  ASSERT_TRUE(sampler->Accept(Token("y")));
  auto logits = Logits({Token("x")});

  EXPECT_TRUE(Vocab().EndsGeneration(*sampler->Sample(logits, 1)));
}

TEST(TokenSampler, HasADeadEndWhereTheGrammarEndsAndTheAnswerMayNot) {
  SamplerSpec spec = Greedy();
  spec.grammar = R"(root ::= "y")";
  spec.ignore_eos = true;
  const auto sampler = Make(spec);
  ASSERT_TRUE(sampler->Accept(Token("y")));
  auto logits = Logits({Token("x")});

  EXPECT_EQ(sampler->Sample(logits, 1), std::nullopt);
}

TEST(TokenSampler, SurvivesATokenThatTheGrammarForbids) {
  SamplerSpec spec = Greedy();
  spec.grammar = R"(root ::= "y")";

  EXPECT_FALSE(Make(spec)->Accept(Token("x")));
}

TEST(TokenSampler, TellsWhyAGrammarDoesNotParse) {
  for (const char* grammar : {"root ::= (", "root ::= missing", "other ::= \"x\""}) {
    SamplerSpec spec = Greedy();
    spec.grammar = grammar;

    const auto status = TokenSampler::Create(Vocab(), spec, 1024).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << grammar;
    EXPECT_THAT(std::string(status.message()), HasSubstr("does not parse"));
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("no reason given")));
  }
}

// To libllama the token <|im_start|> is as good as the text of its name, but it leaves none.
TEST(TokenSampler, TakesNoControlTokenForText) {
  const TokenId marker = Token("<|im_start|>");
  ASSERT_TRUE(Vocab().IsMarker(marker));
  const auto choice = [&](SamplerSpec spec) {
    auto logits = Logits({marker, Token("<")});
    return Make(std::move(spec))->Sample(logits, 0);
  };
  for (const float temperature : {0.0F, 0.5F}) {
    SamplerSpec spec{.params = {.temperature = temperature}, .grammar = R"(root ::= [<|a-z_>]*)"};
    EXPECT_EQ(choice(spec), Token("<"));
    EXPECT_FALSE(Make(spec)->Accept(marker));
    spec.visible_markers = {marker};
    EXPECT_EQ(choice(spec), marker);
    EXPECT_TRUE(Make(spec)->Accept(marker));
    spec.visible_markers.clear();
    spec.grammar = "root ::= <|im_start|> [a-z]*";
    EXPECT_EQ(choice(spec), marker);
  }
}

}  // namespace
}  // namespace chasqui::worker
