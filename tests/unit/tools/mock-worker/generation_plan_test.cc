// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/generation_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::HasSubstr;

inference::v1::GenerateRequest Request(const std::string& prompt) {
  inference::v1::GenerateRequest request;
  request.set_prompt(prompt);
  return request;
}

TEST(PlanGeneration, EndsAtTheDirectivesTokensOrTheRequestsMaximum) {
  inference::v1::GenerateRequest request = Request("mock: tokens=10");

  EXPECT_EQ(PlanGeneration(request, {}, "w")->end, 10U);
  request.mutable_stop()->set_max_tokens(4);
  const absl::StatusOr<GenerationPlan> plan = PlanGeneration(request, {}, "w");
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->end, 4U);
  EXPECT_EQ(plan->finish_reason, inference::v1::FINISH_REASON_MAX_TOKENS);
}

TEST(PlanGeneration, GoesOnAfterTheResumedTokensWithoutFaults) {
  inference::v1::GenerateRequest request = Request("mock: tokens=10 fail_after=2");
  const uint64_t hash = PromptHash(request.prompt());
  auto& candidate = *request.mutable_resume()->add_candidates();
  candidate.add_token_ids(TokenIdAt(hash, 0, 0));
  candidate.add_token_ids(TokenIdAt(hash, 0, 1));
  request.mutable_resume()->set_next_sequence(3);

  const absl::StatusOr<GenerationPlan> plan = PlanGeneration(request, {}, "w");

  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->first, 2U);
  EXPECT_EQ(plan->next_sequence, 3U);
  EXPECT_EQ(plan->behaviour.fail_after, std::nullopt);
}

TEST(PlanGeneration, RefusesToResumeTokensItWouldNotHaveMade) {
  inference::v1::GenerateRequest request = Request("mock: tokens=10");
  auto& candidate = *request.mutable_resume()->add_candidates();
  candidate.add_token_ids(TokenIdAt(PromptHash(request.prompt()), 0, 0) ^ 1);

  EXPECT_THAT(PlanGeneration(request, {}, "w"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("token 0 of candidate 0")));
}

TEST(PlanGeneration, HasFaultsOnTheNamedWorkerOnly) {
  const inference::v1::GenerateRequest request = Request("mock: fail_after=2 on=mock-1");

  EXPECT_EQ(PlanGeneration(request, {}, "mock-1")->behaviour.fail_after, 2U);
  EXPECT_EQ(PlanGeneration(request, {}, "mock-0")->behaviour.fail_after, std::nullopt);
}

TEST(PlanGeneration, RefusesAWrongDirective) {
  EXPECT_THAT(PlanGeneration(Request("mock: token=10"), {}, "w"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"token\" is unknown")));
}

TEST(PlanGeneration, ReadsTheLastMessageOfAChat) {
  inference::v1::GenerateRequest request;
  request.mutable_chat()->add_messages()->add_parts()->set_text("mock: tokens=1");
  request.mutable_chat()->add_messages()->add_parts()->set_text("mock: tokens=5");

  EXPECT_EQ(PlanGeneration(request, {}, "w")->end, 5U);
}

}  // namespace
}  // namespace chasqui::mock_worker
