// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine.h"

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "gmock/gmock.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EngineTest : public EngineFixture {
 protected:
  EngineTest() { MakeEngine({.slots = 2, .warm_up = false}); }
};

TEST_F(EngineTest, AnswersAsTheModelDoes) {
  const auto answer = Ask(Greedy(Chat("What is a router?")));

  EXPECT_EQ(answer.text,
            "A router is a program that decides which worker should handle each request.");
  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kStop);
  EXPECT_EQ(Ask(Greedy(Chat("What is the capital of France?"))).text,
            "The capital of France is Paris.");
}

TEST_F(EngineTest, AccountsForEveryToken) {
  const auto prompt = Chat("What is a router?");

  const auto answer = Ask(Greedy(prompt));

  EXPECT_EQ(answer.started->prompt_tokens, prompt.size());
  EXPECT_EQ(answer.finished->prompt_tokens, prompt.size());
  EXPECT_EQ(answer.finished->completion_tokens, answer.ids.size());
  EXPECT_EQ(TinyModel()->vocabulary().Detokenize(answer.ids, false), answer.text);
  EXPECT_TRUE(TinyModel()->vocabulary().EndsGeneration(answer.ids.back()));
}

TEST_F(EngineTest, TellsHowLongItTook) {
  const auto timings = Ask(Greedy(Chat("What is a router?"))).finished->timings;

  EXPECT_GE(timings.queue, 0s);
  EXPECT_GT(timings.prompt, 0s);
  EXPECT_GT(timings.predicted, 0s);
  EXPECT_EQ(timings.time_to_first_token, timings.queue + timings.prompt);
}

TEST_F(EngineTest, StopsAtTheMostTokens) {
  auto request = Endless();
  request.max_tokens = 5;

  const auto answer = Ask(request);

  EXPECT_EQ(answer.ids.size(), 5);
  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kMaxTokens);
}

TEST_F(EngineTest, GoesOnToTheEndOfTheContext) {
  auto request = Endless();
  request.max_tokens = 0;

  const auto answer = Ask(request);

  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kContextFull);
  EXPECT_EQ(answer.ids.size() + answer.started->prompt_tokens, engine_->context_tokens());
}

TEST_F(EngineTest, StopsAtAStopStringWithoutShowingIt) {
  auto request = Greedy(Chat("What is a router?"));
  request.stop_strings = {"worker should", "decides which w"};

  const auto answer = Ask(request);

  EXPECT_EQ(answer.text, "A router is a program that ");
  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kStopString);
  EXPECT_EQ(answer.finished->candidates[0].stop_string, "decides which w");
}

TEST_F(EngineTest, ShowsTheStopStringWhenAsked) {
  auto request = Greedy(Chat("What is a router?"));
  request.stop_strings = {"program"};
  request.include_stop = true;

  EXPECT_EQ(Ask(request).text, "A router is a program");
}

TEST_F(EngineTest, StopsAtAStopToken) {
  const auto ids = Ask(Greedy(Chat("What is a router?"))).ids;
  auto request = Greedy(Chat("What is a router?"));
  request.stop_tokens = {ids[3]};

  const auto answer = Ask(request);

  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kStop);
  EXPECT_EQ(answer.ids, TokenIds(ids.begin(), ids.begin() + 4));
}

TEST_F(EngineTest, GeneratesAtLeastTheLeastTokens) {
  auto request = Greedy(Chat("What is the capital of France?"));
  request.min_tokens = 30;

  EXPECT_GE(Ask(request).ids.size(), 30);
}

TEST_F(EngineTest, FollowsAGrammar) {
  auto request = Greedy(Chat("What is a router?"));
  request.grammar = R"(root ::= "The answer is " ("yes" | "no") ".")";

  const auto answer = Ask(request);

  EXPECT_THAT(answer.text, ::testing::AnyOf("The answer is yes.", "The answer is no."));
  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kStop);
}

TEST_F(EngineTest, RepeatsASeededAnswerExactly) {
  auto request = Greedy(Text("Once upon a time"), 60);
  request.sampling.temperature = 1.2F;
  request.sampling.seed = 99;

  const auto first = Ask(request);
  const auto second = Ask(request);
  request.sampling.seed = 100;

  EXPECT_EQ(first.ids, second.ids);
  EXPECT_NE(Ask(request).ids, first.ids);
}

TEST_F(EngineTest, EndsWhenItsTimeIsOver) {
  auto request = Endless();
  request.max_time = 1ms;

  const auto answer = Ask(request);

  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kMaxTime);
}

TEST_F(EngineTest, FailsWhenTheDeadlineHasPassed) {
  auto request = Endless();
  request.deadline = time::SteadyNow() + 20ms;

  EXPECT_EQ(Ask(request).error.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(EngineTest, FreesTheSlotWithinAStepOfACancellation) {
  const auto generation = Submit(Endless());
  Next(*generation);
  Next(*generation);
  EXPECT_EQ(engine_->Load("").active, 1);

  generation->Cancel();
  Answer answer;
  int pieces = 0;
  while (answer.error.ok()) {
    Add(Next(*generation), answer);
    ++pieces;
  }

  EXPECT_EQ(answer.error.code(), absl::StatusCode::kCancelled);
  EXPECT_LE(pieces, 256);  // no more than were buffered
  EXPECT_EQ(engine_->Load("").active, 0);
  EXPECT_EQ(engine_->Load("").kv_used_tokens, 0);
}

TEST_F(EngineTest, CancelsWhatNobodyReads) {
  Submit(Endless()).reset();

  AwaitIdle();
  EXPECT_EQ(engine_->Load("").requests_total, 1);
}

TEST_F(EngineTest, RefusesWhenEverySlotIsBusy) {
  const auto one = Submit(Endless());
  const auto two = Submit(Endless());

  const auto refused = engine_->Submit(Endless(), 77).status();

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(refused), "WORKER_FULL");
  EXPECT_EQ(status::ErrorReason(engine_->CheckRoom()), "WORKER_FULL");
  one->Cancel();
  Read(*one);
  EXPECT_TRUE(engine_->CheckRoom().ok());
  EXPECT_TRUE(Submit(Endless()) != nullptr);
}

TEST_F(EngineTest, RefusesATooLongPromptWithTheCounts) {
  const auto refused = engine_->Submit(Greedy(TokenIds(1500, 300)), 1).status();

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("1500"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("1024"));
}

TEST_F(EngineTest, RefusesAGrammarThatDoesNotParseAndKeepsTheSlot) {
  auto request = Endless();
  request.grammar = "root ::= (";

  EXPECT_EQ(engine_->Submit(request, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->Load("").active, 0);
}

TEST_F(EngineTest, CountsByOwner) {
  auto request = Endless();
  request.owner = "router-1";
  const auto one = Submit(request);
  request.owner = "router-2";
  const auto two = Submit(request);

  EXPECT_EQ(engine_->Load("router-1").active, 2);
  EXPECT_EQ(engine_->Load("router-1").active_of_owner, 1);
  EXPECT_EQ(engine_->Load("router-9").active_of_owner, 0);
}

TEST_F(EngineTest, TellsThoseThatRunWhenItIsDestroyed) {
  const auto generation = Submit(Endless());
  Next(*generation);

  engine_.reset();

  Answer answer;
  while (const auto event = generation->Take()) Add(*event, answer);
  EXPECT_EQ(answer.error.code(), absl::StatusCode::kUnavailable);
}

TEST_F(EngineTest, MeasuresItsRatesWhileWarmingUp) {
  MakeEngine({.slots = 2, .warm_up = true});

  EXPECT_GT(engine_->Load("").decode_tokens_per_second, 0);
  EXPECT_GT(engine_->Load("").prompt_tokens_per_second, 0);
  EXPECT_EQ(engine_->Load("").generated_tokens_total, 0);
}

}  // namespace
}  // namespace chasqui::worker
