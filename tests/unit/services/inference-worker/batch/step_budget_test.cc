// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

constexpr double kDecode = 0.010;
constexpr double kPromptToken = 0.0005;

// Decoding takes `decode`, whatever the number of answers, a prompt token `prompt_token`.
StepCosts Costs(double decode = kDecode, double prompt_token = kPromptToken) {
  StepCosts costs;
  costs.OnDecode(1, decode);
  costs.OnPrompt(1000, 1000 * prompt_token);
  return costs;
}

BudgetQuestion Question(const StepCosts& costs) {
  return {.costs = costs,
          .generating = 4,
          .prompts = 1,
          .oldest_tokens = 2000,
          .target_seconds = 0.05,
          .most_tokens = 512,
          .micro_batch_tokens = 256};
}

TEST(PromptBudget, FillsTheStepUpToItsTarget) {
  const StepCosts costs = Costs();
  EXPECT_EQ(PromptBudget(Question(costs)), 80);
}

TEST(PromptBudget, GrowsWithThePromptsThatWaitBehindTheOldest) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.prompts = 2;
  EXPECT_EQ(PromptBudget(question), 180);  // twice the target
  question.prompts = 3;
  EXPECT_EQ(PromptBudget(question), 280);
}

TEST(PromptBudget, GrowsWithFourPromptsAtMost) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.prompts = 4;
  EXPECT_EQ(PromptBudget(question), 380);
  question.prompts = 100;
  EXPECT_EQ(PromptBudget(question), 380);
}

TEST(PromptBudget, IsSharedWhileTheStepIsShort) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.prompts = 4;
  question.oldest_tokens = 20;
  EXPECT_EQ(PromptBudget(question), 140);  // four times decoding and a pass: 80 ms
  question.oldest_tokens = 150;
  EXPECT_EQ(PromptBudget(question), 150);
}

TEST(PromptBudget, FinishesAPromptThatNeedsLittleMore) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.oldest_tokens = 120;
  EXPECT_EQ(PromptBudget(question), 120);
  question.oldest_tokens = 121;
  EXPECT_EQ(PromptBudget(question), 80);
}

TEST(PromptBudget, LetsPromptsGetOnWhereDecodingAloneTakesTheTarget) {
  const StepCosts costs = Costs(/*decode=*/0.06);
  EXPECT_EQ(PromptBudget(Question(costs)), 360);  // four times as long as without
}

TEST(PromptBudget, IsAMicroBatchForOnePromptWhileNobodyGenerates) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.generating = 0;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, IsTheOldestOfSeveralPromptsWhileNobodyGenerates) {
  const StepCosts costs = Costs(/*decode=*/0.001);
  BudgetQuestion question = Question(costs);
  question.generating = 0;
  question.prompts = 8;
  question.oldest_tokens = 128;
  EXPECT_EQ(PromptBudget(question), 128);
  question.oldest_tokens = 300;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, IsSharedUpToAnEfficientStepWhileNobodyGenerates) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.generating = 0;
  question.prompts = 8;
  question.oldest_tokens = 10;
  EXPECT_EQ(PromptBudget(question), 160);  // eight times a pass: 80 ms
}

TEST(PromptBudget, IsNeverShorterThanTheLeastChunk) {
  const StepCosts costs = Costs(kDecode, /*prompt_token=*/0.01);
  EXPECT_EQ(PromptBudget(Question(costs)), kLeastChunk);
}

TEST(PromptBudget, IsNeverLongerThanTheMost) {
  const StepCosts costs = Costs(kDecode, /*prompt_token=*/1e-6);
  EXPECT_EQ(PromptBudget(Question(costs)), 512);
}

TEST(PromptBudget, IsTheMostWithoutATargetAndBeforeAnythingIsMeasured) {
  const StepCosts costs = Costs();
  BudgetQuestion question = Question(costs);
  question.target_seconds = 0;
  EXPECT_EQ(PromptBudget(question), 512);

  const StepCosts unknown;
  BudgetQuestion first = Question(unknown);
  EXPECT_EQ(PromptBudget(first), 512);
  first.generating = 0;
  EXPECT_EQ(PromptBudget(first), 256);
}

}  // namespace
}  // namespace chasqui::worker
