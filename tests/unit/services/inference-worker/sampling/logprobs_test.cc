// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/logprobs.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

TEST(MeasureLogprob, IsTheLogarithmOfTheSoftmax) {
  const std::vector<float> logits = {std::log(1.0F), std::log(2.0F), std::log(5.0F)};

  const auto measured = MeasureLogprob(logits, 1, 2);

  EXPECT_EQ(measured.id, 1);
  EXPECT_NEAR(measured.logprob, std::log(2.0 / 8), 1e-6);
  ASSERT_EQ(measured.top.size(), 2);
  EXPECT_EQ(measured.top[0].id, 2);
  EXPECT_NEAR(measured.top[0].logprob, std::log(5.0 / 8), 1e-6);
  EXPECT_EQ(measured.top[1].id, 1);
}

TEST(MeasureLogprob, HoldsForLargeLogitsAndTokensThatCannotBe) {
  const auto measured = MeasureLogprob(std::vector<float>{1000, kNever, 1000}, 0, 3);

  EXPECT_NEAR(measured.logprob, std::log(0.5), 1e-6);
  EXPECT_EQ(measured.top.size(), 2);
}

TEST(MeasureLogprob, HasNoRivalsUnlessAsked) {
  EXPECT_TRUE(MeasureLogprob(std::vector<float>{1, 2}, 0, 0).top.empty());
}

}  // namespace
}  // namespace chasqui::worker
