// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "services/inference-worker/sampling/random_draw.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// Several answers to one prompt, and log probabilities.
namespace chasqui::worker {
namespace {

class EngineCandidatesTest : public EngineFixture {
 protected:
  EngineCandidatesTest() {
    MakeEngine({.slots = 4,
                .unified_kv = Choice::kOff,
                .flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED,
                .warm_up = false});
  }

  static GenerationRequest Several(std::uint32_t candidates, std::uint64_t seed = 11) {
    auto request = Greedy(Text("Once upon a time, a llama"), 30);
    request.sampling.temperature = 1.2F;
    request.sampling.seed = seed;
    request.candidates = candidates;
    return request;
  }

  struct Candidates {
    std::map<std::uint32_t, std::string> texts;
    std::map<std::uint32_t, TokenIds> ids;
    std::vector<TokenLogprob> logprobs;
    std::optional<GenerationStarted> started;
    std::optional<GenerationFinished> finished;
    absl::Status error;
  };
  Candidates AskAll(GenerationRequest request) {
    const auto generation = Submit(std::move(request));
    Candidates answers;
    while (!answers.finished && answers.error.ok()) {
      auto event = Next(*generation);
      if (auto* started = std::get_if<GenerationStarted>(&event)) answers.started = *started;
      if (auto* finished = std::get_if<GenerationFinished>(&event)) answers.finished = *finished;
      if (auto* error = std::get_if<absl::Status>(&event)) answers.error = *error;
      if (auto* piece = std::get_if<TextPiece>(&event)) {
        answers.texts[piece->candidate] += piece->text;
        auto& ids = answers.ids[piece->candidate];
        ids.insert(ids.end(), piece->token_ids.begin(), piece->token_ids.end());
        answers.logprobs.insert(answers.logprobs.end(), piece->logprobs.begin(),
                                piece->logprobs.end());
      }
    }
    return answers;
  }
};

TEST_F(EngineCandidatesTest, EachIsTheAnswerOfItsOwnSeed) {
  const auto answers = AskAll(Several(3));

  ASSERT_EQ(answers.finished->candidates.size(), 3);
  std::uint32_t tokens = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers.texts.at(i), Ask(Several(1, CandidateSeed(11, i))).text) << i;
    EXPECT_EQ(answers.finished->candidates[i].completion_tokens, answers.ids.at(i).size());
    tokens += answers.finished->candidates[i].completion_tokens;
  }
  EXPECT_EQ(answers.finished->completion_tokens, tokens);
}

TEST_F(EngineCandidatesTest, ComputeTheirPromptOnce) {
  auto request = Several(4);
  request.prompt = Text("Once upon a time, a llama named Leo lived near the Old Mountain. One day");
  const auto answers = AskAll(request);

  // The last token's logits are wanted by each.
  EXPECT_EQ(answers.finished->timings.prompt_tokens, answers.started->prompt_tokens + 3);
}

TEST_F(EngineCandidatesTest, TakeASlotEach) {
  const auto generation = Submit(Several(3));

  EXPECT_EQ(engine_->Load("").active, 3);
  EXPECT_EQ(status::ErrorReason(engine_->Submit(Several(2), 99).status()), "WORKER_FULL");
  EXPECT_EQ(engine_->Submit(Several(5), 99).status().code(), absl::StatusCode::kInvalidArgument);
  Read(*generation);
  AwaitIdle();
}

TEST_F(EngineCandidatesTest, EndTogetherWhenCancelled) {
  auto request = Several(4);
  request.ignore_eos = true;
  request.max_tokens = 900;
  const auto generation = Submit(request);
  Next(*generation);

  generation->Cancel();
  AwaitIdle();

  EXPECT_EQ(Read(*generation).error.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(engine_->Load("").requests_total, 1);
}

TEST_F(EngineCandidatesTest, AreTakenUpEachWhereItWas) {
  const auto whole = AskAll(Several(2));
  auto request = Several(2);
  request.resume = {TokenIds(whole.ids.at(0).begin(), whole.ids.at(0).begin() + 7),
                    TokenIds(whole.ids.at(1).begin(), whole.ids.at(1).begin() + 2)};

  const auto rest = AskAll(request);

  EXPECT_EQ(rest.ids.at(0), TokenIds(whole.ids.at(0).begin() + 7, whole.ids.at(0).end()));
  EXPECT_EQ(rest.ids.at(1), TokenIds(whole.ids.at(1).begin() + 2, whole.ids.at(1).end()));
}

TEST_F(EngineCandidatesTest, TellHowProbableTheirTokensWere) {
  auto request = Greedy(Chat("What is a router?"));
  request.logprobs = 5;

  const auto answers = AskAll(request);

  ASSERT_EQ(answers.logprobs.size(), answers.ids.at(0).size());
  for (std::size_t i = 0; i < answers.logprobs.size(); ++i) {
    const TokenLogprob& logprob = answers.logprobs[i];
    EXPECT_EQ(logprob.id, answers.ids.at(0)[i]);
    ASSERT_EQ(logprob.top.size(), 5);
    EXPECT_EQ(logprob.top[0].id, logprob.id) << "greedy is the likeliest";
    EXPECT_EQ(logprob.top[0].logprob, logprob.logprob);
    double sum = 0;
    for (const auto& rival : logprob.top) sum += std::exp(rival.logprob);
    EXPECT_LE(sum, 1.0001);
  }
}

TEST_F(EngineCandidatesTest, LogprobsAreThoseBeforeSampling) {
  auto plain = Greedy(Chat("What is a router?"), 1);
  plain.logprobs = 0;
  auto biased = plain;
  const TokenIds ids = Ask(plain).ids;
  biased.sampling.logit_bias = {{ids[0], 50.0F}};

  EXPECT_EQ(AskAll(biased).logprobs[0].logprob, AskAll(plain).logprobs[0].logprob);
}

}  // namespace
}  // namespace chasqui::worker
