// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/check_request.h"

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr RequestBounds kBounds{
    .vocabulary_size = 100, .context_tokens = 50, .slots = 4, .can_shift = true};

std::vector<std::string> WrongFields(const GenerationRequest& request) {
  std::vector<std::string> fields;
  for (const auto& violation : status::FieldViolations(CheckRequest(request, kBounds)))
    fields.push_back(violation.field);
  return fields;
}

GenerationRequest Right() {
  GenerationRequest request;
  request.prompt = {1, 2, 3};
  request.max_tokens = 10;
  return request;
}

TEST(CheckRequest, AcceptsWhatFits) {
  EXPECT_THAT(WrongFields(Right()), IsEmpty());
  auto request = Right();
  request.max_tokens = 47;
  EXPECT_THAT(WrongFields(request), IsEmpty());
}

TEST(CheckRequest, RefusesAnEmptyPrompt) {
  auto request = Right();
  request.prompt.clear();
  EXPECT_THAT(WrongFields(request), ElementsAre("input"));
}

TEST(CheckRequest, RefusesAPromptThatFillsTheContext) {
  auto request = Right();
  request.prompt.assign(50, 1);
  EXPECT_THAT(WrongFields(request), ElementsAre("input"));
}

TEST(CheckRequest, RefusesMoreOutputThanTheContextLeaves) {
  auto request = Right();
  request.max_tokens = 48;
  EXPECT_THAT(WrongFields(request), ElementsAre("stop.max_tokens"));
}

TEST(CheckRequest, RefusesMoreReplayedThanTheAnswerMayHave) {
  auto request = Right();
  request.resume = {TokenIds(11, 1)};
  EXPECT_THAT(WrongFields(request), ElementsAre("resume.candidates[0].token_ids"));
}

TEST(CheckRequest, NamesEveryIdOutsideOfTheVocabulary) {
  auto request = Right();
  request.prompt = {1, 100, -1};
  request.stop_tokens = {100};
  request.resume = {{7, 200}};
  request.sampling.logit_bias = {{5, 1.0F}, {101, 1.0F}};

  EXPECT_THAT(WrongFields(request),
              ElementsAre("tokens.ids[1]", "tokens.ids[2]", "stop.token_ids[0]",
                          "resume.candidates[0].token_ids[1]", "sampling.logit_bias"));
}

TEST(CheckRequest, RefusesMoreCandidatesThanSlots) {
  auto request = Right();
  request.candidates = 4;
  EXPECT_THAT(WrongFields(request), IsEmpty());
  request.candidates = 5;
  EXPECT_THAT(WrongFields(request), ElementsAre("n"));
}

TEST(CheckRequest, LetsAnAnswerThatShiftsOutgrowTheContext) {
  auto request = Right();
  request.shift.emplace();
  request.max_tokens = 400;
  EXPECT_THAT(WrongFields(request), IsEmpty());
  request.resume = {TokenIds(46, 1)};
  EXPECT_THAT(WrongFields(request), IsEmpty());
  request.resume = {TokenIds(47, 1)};  // it was shifted by then
  EXPECT_THAT(WrongFields(request), ElementsAre("resume.candidates[0].token_ids"));
}

TEST(CheckRequest, RefusesToShiftWhatCannotBe) {
  auto request = Right();
  request.shift.emplace();
  RequestBounds bounds = kBounds;
  bounds.can_shift = false;

  const auto violations = status::FieldViolations(CheckRequest(request, bounds));

  ASSERT_EQ(violations.size(), 1);
  EXPECT_EQ(violations[0].field, "context_policy.overflow");
}

TEST(MostTokens, IsWhatTheContextLeavesWhenNotGiven) {
  auto request = Right();
  EXPECT_EQ(MostTokens(request, kBounds), 10);
  request.max_tokens = 0;
  EXPECT_EQ(MostTokens(request, kBounds), 47);
}

}  // namespace
}  // namespace chasqui::worker
