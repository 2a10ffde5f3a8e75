// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_costs.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(StepCosts, KnowsNothingBeforeItMeasures) {
  const StepCosts costs;

  EXPECT_EQ(costs.decode_seconds(4), 0);
  EXPECT_EQ(costs.seconds_per_prompt_token(), 0);
}

TEST(StepCosts, DrawsALineBetweenWhatWasMeasured) {
  StepCosts costs;
  costs.OnDecode(1, 0.010);
  costs.OnDecode(9, 0.090);

  EXPECT_DOUBLE_EQ(costs.decode_seconds(1), 0.010);
  EXPECT_DOUBLE_EQ(costs.decode_seconds(5), 0.050);
  EXPECT_DOUBLE_EQ(costs.decode_seconds(9), 0.090);
}

TEST(StepCosts, TakesTheNearestBeyondWhatWasMeasured) {
  StepCosts costs;
  costs.OnDecode(4, 0.020);
  costs.OnDecode(8, 0.030);

  EXPECT_DOUBLE_EQ(costs.decode_seconds(1), 0.020);
  EXPECT_DOUBLE_EQ(costs.decode_seconds(32), 0.030);
}

TEST(StepCosts, FollowsWhatChanges) {
  StepCosts costs;
  costs.OnDecode(8, 0.100);
  for (int i = 0; i < 40; ++i) costs.OnDecode(8, 0.020);

  EXPECT_NEAR(costs.decode_seconds(8), 0.020, 1e-4);
}

TEST(StepCosts, TellsHowManyPromptTokensFit) {
  StepCosts costs;
  EXPECT_EQ(costs.prompt_tokens(1), 0);
  costs.OnPrompt(32, 0.020);
  costs.OnPrompt(256, 0.040);

  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.010), 16);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.020), 32);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.030), 144);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.040), 256);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.080), 512);
  EXPECT_EQ(costs.prompt_tokens(0), 0);
  EXPECT_EQ(costs.prompt_tokens(-1), 0);
}

TEST(StepCosts, TellsHowManyPromptTokensFitThoughLongerOnesWereDisturbed) {
  StepCosts costs;
  costs.OnPrompt(32, 0.040);
  costs.OnPrompt(64, 0.030);

  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.020), 16);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.035), 28);
  EXPECT_DOUBLE_EQ(costs.prompt_tokens(0.060), 128);
}

TEST(StepCosts, BlendsPromptTokens) {
  StepCosts costs;
  costs.OnPrompt(100, 0.2);
  EXPECT_DOUBLE_EQ(costs.seconds_per_prompt_token(), 0.002);

  costs.OnPrompt(100, 0.6);
  EXPECT_DOUBLE_EQ(costs.seconds_per_prompt_token(), 0.003);
}

TEST(StepCosts, IgnoresStepsOfNothing) {
  StepCosts costs;
  costs.OnDecode(0, 1);
  costs.OnPrompt(0, 1);

  EXPECT_EQ(costs.decode_seconds(1), 0);
  EXPECT_EQ(costs.seconds_per_prompt_token(), 0);
}

TEST(StepCosts, TakesMoreAnswersThanAnEngineHas) {
  StepCosts costs;
  costs.OnDecode(4'000'000'000, 0.5);

  EXPECT_DOUBLE_EQ(costs.decode_seconds(4'000'000'000), 0.5);
}

}  // namespace
}  // namespace chasqui::worker
