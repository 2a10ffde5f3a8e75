// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_budget.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

// Decoding takes 10 ms, a prompt token 0.5 ms, and a step should take 50 ms.
BudgetQuestion Question() {
  return {.decode_seconds = 0.01,
          .seconds_per_prompt_token = 0.0005,
          .generating = 4,
          .prompts = 1,
          .oldest_tokens = 2000,
          .target_seconds = 0.05,
          .most_tokens = 512,
          .micro_batch_tokens = 256};
}

TEST(PromptBudget, FillsTheStepUpToItsTarget) { EXPECT_EQ(PromptBudget(Question()), 80); }

TEST(PromptBudget, GrowsWithThePromptsThatWaitBehindTheOldest) {
  BudgetQuestion question = Question();
  question.prompts = 2;
  EXPECT_EQ(PromptBudget(question), 180);  // twice the target
  question.prompts = 3;
  EXPECT_EQ(PromptBudget(question), 280);
}

TEST(PromptBudget, GrowsWithFourPromptsAtMost) {
  BudgetQuestion question = Question();
  question.prompts = 4;
  EXPECT_EQ(PromptBudget(question), 380);
  question.prompts = 100;
  EXPECT_EQ(PromptBudget(question), 380);
}

TEST(PromptBudget, GrowsForTheOldestPromptOnly) {
  BudgetQuestion question = Question();
  question.prompts = 4;
  question.oldest_tokens = 128;
  EXPECT_EQ(PromptBudget(question), 128);
  question.oldest_tokens = 20;
  EXPECT_EQ(PromptBudget(question), 80);
}

TEST(PromptBudget, IsSharedByPromptsWhileTheStepIsShort) {
  BudgetQuestion question = Question();
  question.decode_seconds = 0.004;  // 32 ms are as good as more
  question.prompts = 4;
  question.oldest_tokens = 16;
  EXPECT_EQ(PromptBudget(question), 56);
  question.oldest_tokens = 64;
  EXPECT_EQ(PromptBudget(question), 64);
  question.generating = 0;
  EXPECT_EQ(PromptBudget(question), 64);
  question.oldest_tokens = 16;
  EXPECT_EQ(PromptBudget(question), 64);
}

TEST(PromptBudget, FinishesAPromptThatNeedsLittleMore) {
  BudgetQuestion question = Question();
  question.oldest_tokens = 120;
  EXPECT_EQ(PromptBudget(question), 120);
  question.oldest_tokens = 121;
  EXPECT_EQ(PromptBudget(question), 80);
}

TEST(PromptBudget, LetsPromptsGetOnWhereDecodingAloneTakesTheTarget) {
  BudgetQuestion question = Question();
  question.decode_seconds = 0.06;
  EXPECT_EQ(PromptBudget(question), 360);  // four times as long as without
}

TEST(PromptBudget, IsAMicroBatchForOnePromptWhileNobodyGenerates) {
  BudgetQuestion question = Question();
  question.generating = 0;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, IsTheOldestOfSeveralPromptsWhileNobodyGenerates) {
  BudgetQuestion question = Question();
  question.generating = 0;
  question.prompts = 8;
  question.oldest_tokens = 128;
  EXPECT_EQ(PromptBudget(question), 128);
  question.oldest_tokens = 300;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, TakesAsManyPromptsAsFitIntoTheTargetWhileNobodyGenerates) {
  BudgetQuestion question = Question();
  question.generating = 0;
  question.prompts = 8;
  question.oldest_tokens = 10;
  EXPECT_EQ(PromptBudget(question), 100);
  question.seconds_per_prompt_token = 1e-6;
  EXPECT_EQ(PromptBudget(question), 256);
}

TEST(PromptBudget, IsNeverShorterThanTheLeastChunk) {
  BudgetQuestion question = Question();
  question.seconds_per_prompt_token = 0.01;
  EXPECT_EQ(PromptBudget(question), kLeastChunk);
}

TEST(PromptBudget, IsNeverLongerThanTheMost) {
  BudgetQuestion question = Question();
  question.seconds_per_prompt_token = 1e-6;
  EXPECT_EQ(PromptBudget(question), 512);
}

TEST(PromptBudget, IsTheMostWithoutATargetAndBeforeAnythingIsMeasured) {
  BudgetQuestion question = Question();
  question.target_seconds = 0;
  EXPECT_EQ(PromptBudget(question), 512);
  question = Question();
  question.decode_seconds = 0;
  question.seconds_per_prompt_token = 0;
  EXPECT_EQ(PromptBudget(question), 512);
  question.generating = 0;
  EXPECT_EQ(PromptBudget(question), 256);
}

}  // namespace
}  // namespace chasqui::worker
