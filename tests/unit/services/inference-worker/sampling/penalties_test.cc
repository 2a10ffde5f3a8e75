// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/penalties.h"

#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;

std::vector<float> Applied(const PenaltyParams& params, const std::vector<std::int32_t>& tokens,
                           std::vector<float> logits) {
  Penalties penalties(params);
  for (const auto token : tokens) penalties.Accept(token);
  penalties.Apply(logits);
  return logits;
}

TEST(Penalties, MakesRepeatedTokensLessLikely) {
  EXPECT_THAT(Applied({.repeat = 2}, {0, 1}, {4, -4, 4}), ElementsAre(2, -8, 4));
}

TEST(Penalties, CountsForFrequencyAndNotForPresence) {
  EXPECT_THAT(Applied({.frequency = 1, .presence = 0.5}, {0, 0, 0, 1}, {4, 4, 4}),
              ElementsAre(0.5, 2.5, 4));
}

TEST(Penalties, ForgetsWhatIsOlderThanTheWindow) {
  EXPECT_THAT(Applied({.last_n = 2, .presence = 1}, {0, 1, 2}, {4, 4, 4}), ElementsAre(4, 3, 3));
}

TEST(Penalties, IsInactiveWhenNeutral) {
  EXPECT_FALSE(PenaltyParams{}.active());
  EXPECT_FALSE((PenaltyParams{.last_n = 0, .repeat = 2}.active()));
  EXPECT_TRUE((PenaltyParams{.repeat = 2}.active()));
}

}  // namespace
}  // namespace chasqui::worker
