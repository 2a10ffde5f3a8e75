// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/candidates.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Candidates of these probabilities, likeliest first, with ids 0, 1, ...
Candidates Of(std::initializer_list<float> probabilities) {
  Candidates candidates;
  for (const float p : probabilities)
    candidates.push_back({static_cast<std::int32_t>(candidates.size()), std::log(p), p});
  return candidates;
}

std::vector<std::int32_t> Ids(const Candidates& candidates) {
  std::vector<std::int32_t> ids;
  for (const auto& c : candidates) ids.push_back(c.id);
  return ids;
}

std::vector<std::int32_t> Top(std::span<const float> logits, std::size_t k, float least = kNever) {
  Candidates out;
  SelectTop(logits, k, least, out);
  return Ids(out);
}

TEST(ArgMax, LooksAtAll) {
  // Lengths around those of lanes and blocks.
  for (const std::size_t length : {1UL, 15UL, 16UL, 17UL, 1023UL, 1024UL, 1025UL, 5000UL}) {
    for (const std::size_t place : {std::size_t{0}, length / 2, length - 1}) {
      std::vector<float> logits(length, -3);
      logits[place] = -1;
      EXPECT_EQ(ArgMax(logits), static_cast<std::int32_t>(place)) << length;
    }
  }
}

TEST(ArgMax, TakesTheFirstOfEquals) {
  std::vector<float> far(3000, 0);
  far[1030] = far[1031] = far[2500] = 2;
  EXPECT_EQ(ArgMax(far), 1030);
  EXPECT_EQ(ArgMax(std::vector<float>{1, 5, 5, 2}), 1);
  EXPECT_EQ(ArgMax(std::vector<float>{kNever, kNever}), -1);
  EXPECT_EQ(ArgMax(std::vector<float>{std::nanf(""), 1}), 1);
}

TEST(SelectTop, OrdersByLogitThenId) {
  const std::vector<float> logits = {1, 3, 2, 3, 0};

  EXPECT_THAT(Top(logits, 3), ElementsAre(1, 3, 2));
  EXPECT_THAT(Top(logits, 1), ElementsAre(1));
  EXPECT_THAT(Top(logits, 0), ElementsAre(1, 3, 2, 0, 4));
  EXPECT_THAT(Top(logits, 9), ElementsAre(1, 3, 2, 0, 4));
}

TEST(SelectTop, LeavesOutWhatIsTooSmallOrNoNumber) {
  const std::vector<float> logits = {1, kNever, std::nanf(""), 3};

  EXPECT_THAT(Top(logits, 3), ElementsAre(3, 0));
  EXPECT_THAT(Top(logits, 0), ElementsAre(3, 0));
  EXPECT_THAT(Top(logits, 3, 2.0F), ElementsAre(3));
}

TEST(SelectTop, AgreesWithSortingEverything) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<float> logits(200);
    for (auto& logit : logits) logit = static_cast<float>(random() % 50);
    Candidates all;
    SelectTop(logits, 0, kNever, all);
    all.resize(20);

    EXPECT_EQ(Top(logits, 20), Ids(all));
  }
}

TEST(LeastWithinSigmas, IsMeasuredFromTheGreatest) {
  // Mean 2, standard deviation 2.
  const std::vector<float> logits = {0, 4, 0, 4, kNever};

  EXPECT_FLOAT_EQ(LeastWithinSigmas(logits, 1.5F), 1.0F);
}

TEST(Normalize, MakesProbabilities) {
  Candidates candidates = {{0, 1.0F}, {1, 1.0F}, {2, 1.0F - std::log(2.0F)}};

  Normalize(candidates);

  EXPECT_NEAR(candidates[0].probability, 0.4, 1e-6);
  EXPECT_NEAR(candidates[2].probability, 0.2, 1e-6);
}

TEST(KeepTopP, KeepsTheFewestThatReachIt) {
  const auto kept = [](float p) {
    Candidates candidates = Of({0.5F, 0.25F, 0.125F, 0.125F});
    KeepTopP(candidates, p);
    return candidates.size();
  };
  EXPECT_EQ(kept(0.1F), 1);
  EXPECT_EQ(kept(0.5F), 1);
  EXPECT_EQ(kept(0.6F), 2);
  EXPECT_EQ(kept(1.0F), 4);
}

TEST(KeepMinP, IsRelativeToTheLikeliest) {
  Candidates candidates = Of({0.5F, 0.3F, 0.15F, 0.05F});

  KeepMinP(candidates, 0.25F);

  EXPECT_THAT(Ids(candidates), ElementsAre(0, 1, 2));
}

TEST(KeepTypical, LeavesOutWhatIsTooLikelyToBeTypical) {
  // The entropy is 1.28 nats; the one of 0.25 is nearest, the likeliest carries 0.69.
  Candidates candidates = Of({0.5F, 0.25F, 0.1F, 0.1F, 0.05F});

  KeepTypical(candidates, 0.2F);

  EXPECT_THAT(Ids(candidates), ElementsAre(1));
}

TEST(ExcludeTopChoices, KeepsTheLeastLikelyOfThoseAboveTheThreshold) {
  Candidates candidates = Of({0.5F, 0.3F, 0.15F, 0.05F});

  ExcludeTopChoices(candidates, 0.1F);

  EXPECT_THAT(Ids(candidates), ElementsAre(2, 3));
}

TEST(ExcludeTopChoices, LeavesASingleChoiceAlone) {
  Candidates candidates = Of({0.9F, 0.06F, 0.04F});

  ExcludeTopChoices(candidates, 0.1F);

  EXPECT_THAT(Ids(candidates), ElementsAre(0, 1, 2));
}

TEST(DynamicTemperature, RisesWithTheEntropy) {
  EXPECT_FLOAT_EQ(DynamicTemperature(Of({0.25F, 0.25F, 0.25F, 0.25F}), 1, 0.5F, 1), 1.5F);
  EXPECT_FLOAT_EQ(DynamicTemperature(Of({1.0F}), 1, 0.5F, 1), 0.5F);
  EXPECT_GT(DynamicTemperature(Of({1.0F}), 1, 2, 1), 0);
}

TEST(KeepUnsurprising, CutsAtTheTarget) {
  Candidates candidates = Of({0.5F, 0.25F, 0.125F, 0.125F});

  KeepUnsurprising(candidates, 2.5F);

  EXPECT_THAT(Ids(candidates), ElementsAre(0, 1));
}

TEST(KeepUnsurprising, KeepsOne) {
  Candidates candidates = Of({0.25F, 0.25F, 0.25F, 0.25F});

  KeepUnsurprising(candidates, -3);

  EXPECT_THAT(Ids(candidates), ElementsAre(0));
}

TEST(Draw, FollowsTheCumulatedProbabilities) {
  const Candidates candidates = Of({0.5F, 0.25F, 0.25F});

  EXPECT_EQ(Draw(candidates, 0.0).id, 0);
  EXPECT_EQ(Draw(candidates, 0.49).id, 0);
  EXPECT_EQ(Draw(candidates, 0.51).id, 1);
  EXPECT_EQ(Draw(candidates, 0.99).id, 2);
}

TEST(Draw, NeedsNoSumOfOne) {
  const Candidates candidates = Of({0.2F, 0.2F});

  EXPECT_EQ(Draw(candidates, 0.6).id, 1);
}

}  // namespace
}  // namespace chasqui::worker
