// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/plan.h"

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SequenceView Generating(std::uint32_t seat) { return {.seat = seat}; }

constexpr SequenceView Reading(std::uint32_t seat, std::uint32_t left, std::uint64_t admission) {
  return {.seat = seat, .prompt_tokens_left = left, .admission = admission};
}

TEST(PlanStep, IsEmptyWithoutSequences) { EXPECT_THAT(PlanStep({}, {}), IsEmpty()); }

TEST(PlanStep, GivesEveryGeneratingSequenceItsToken) {
  const SequenceView sequences[] = {Generating(0), Generating(3)};

  EXPECT_THAT(PlanStep(sequences, {}), ElementsAre(StepPart{0, 1, true}, StepPart{3, 1, true}));
}

TEST(PlanStep, SamplesOnlyAfterTheLastPromptToken) {
  const SequenceView sequences[] = {Reading(0, 100, 1)};

  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 64}), ElementsAre(StepPart{0, 64, false}));
  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 100}), ElementsAre(StepPart{0, 100, true}));
}

TEST(PlanStep, ServesPromptsFirstComeFirstServed) {
  const SequenceView sequences[] = {Reading(0, 50, 9), Reading(1, 50, 7), Reading(2, 50, 8)};

  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 80}),
              ElementsAre(StepPart{1, 50, true}, StepPart{2, 30, false}));
}

TEST(PlanStep, BoundsPromptsWhileOthersGenerate) {
  const SequenceView sequences[] = {Reading(0, 500, 1), Generating(1)};

  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 512, .prompt_tokens = 64}),
              ElementsAre(StepPart{1, 1, true}, StepPart{0, 64, false}));
}

TEST(PlanStep, SharesTheBudgetOfPromptsInTheirOrder) {
  const SequenceView sequences[] = {Reading(0, 40, 1), Reading(1, 500, 2)};

  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 512, .prompt_tokens = 64}),
              ElementsAre(StepPart{0, 40, true}, StepPart{1, 24, false}));
}

TEST(PlanStep, LeavesAPromptBehindTheFirstToTheNextStepRatherThanAShortChunk) {
  const SequenceView sequences[] = {Reading(0, 40, 1), Reading(1, 500, 2), Reading(2, 4, 3)};

  EXPECT_THAT(PlanStep(sequences, {.prompt_tokens = 64, .least_chunk = 32}),
              ElementsAre(StepPart{0, 40, true}));
  EXPECT_THAT(PlanStep(sequences, {.prompt_tokens = 72, .least_chunk = 32}),
              ElementsAre(StepPart{0, 40, true}, StepPart{1, 32, false}));
}

TEST(PlanStep, EndsAPromptByAChunkHoweverShort) {
  const SequenceView sequences[] = {Reading(0, 40, 1), Reading(1, 4, 2), Reading(2, 500, 3)};

  EXPECT_THAT(PlanStep(sequences, {.prompt_tokens = 64, .least_chunk = 32}),
              ElementsAre(StepPart{0, 40, true}, StepPart{1, 4, true}));
}

TEST(PlanStep, GivesTheFirstPromptAShortChunk) {
  const SequenceView sequences[] = {Reading(0, 40, 1)};

  EXPECT_THAT(PlanStep(sequences, {.prompt_tokens = 16, .least_chunk = 32}),
              ElementsAre(StepPart{0, 16, false}));
}

TEST(PlanStep, SkipsPausedSequences) {
  SequenceView paused = Generating(0);
  paused.paused = true;
  const SequenceView sequences[] = {paused, Generating(1)};

  EXPECT_THAT(PlanStep(sequences, {}), ElementsAre(StepPart{1, 1, true}));
}

TEST(PlanStep, NeverExceedsTheBatch) {
  const SequenceView sequences[] = {Generating(0), Generating(1), Generating(2), Reading(3, 9, 1)};

  EXPECT_THAT(PlanStep(sequences, {.batch_tokens = 2}),
              ElementsAre(StepPart{0, 1, true}, StepPart{1, 1, true}));
}

}  // namespace
}  // namespace chasqui::worker
