// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

// Decoding takes 10 ms, a prompt token 0.5 ms, and a step should take 50 ms.
BudgetQuestion Question() {
  return {.costs = {.decode_seconds = 0.01, .seconds_per_prompt_token = 0.0005},
          .generating = 4,
          .prompts = 1,
          .target_seconds = 0.05,
          .most_tokens = 512,
          .micro_batch_tokens = 256};
}

TEST(PromptBudget, FillsTheStepUpToItsTarget) { EXPECT_EQ(PromptBudget(Question()), 80); }

TEST(PromptBudget, IsAMicroBatchWhileNobodyGenerates) {
  BudgetQuestion question = Question();
  question.generating = 0;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, GrowsWithThePromptsThatWaitForEachAnswer) {
  BudgetQuestion question = Question();
  question.prompts = 8;
  EXPECT_EQ(PromptBudget(question), 180);  // twice the target
}

TEST(PromptBudget, LetsPromptsGetOnWhereDecodingAloneTakesTheTarget) {
  BudgetQuestion question = Question();
  question.costs.decode_seconds = 0.06;
  EXPECT_EQ(PromptBudget(question), 240);  // three times as long as without
}

TEST(PromptBudget, IsNeverShorterThanTheLeastChunk) {
  BudgetQuestion question = Question();
  question.costs.seconds_per_prompt_token = 0.01;
  EXPECT_EQ(PromptBudget(question), kLeastChunk);
}

TEST(PromptBudget, IsNeverLongerThanTheMost) {
  BudgetQuestion question = Question();
  question.costs.seconds_per_prompt_token = 1e-6;
  EXPECT_EQ(PromptBudget(question), 512);
}

TEST(PromptBudget, IsTheMostWithoutATargetAndBeforeAnythingIsMeasured) {
  BudgetQuestion question = Question();
  question.target_seconds = 0;
  EXPECT_EQ(PromptBudget(question), 512);
  question = Question();
  question.costs = {};
  EXPECT_EQ(PromptBudget(question), 512);
}

}  // namespace
}  // namespace chasqui::worker
