// SPDX-License-Identifier: Apache-2.0
#include "services/router/selection/model_selector.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using ::absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kGiB = 1ull << 30;

// Three of a kind, from quick to good; all idle.
std::vector<ModelOffer> Fleet() {
  const ModelOffer common{.profile = "chat",
                          .context_tokens = 8192,
                          .quantization = "Q8_0",
                          .generates = true,
                          .ready = true,
                          .slots = 4,
                          .free_slots = 4};
  ModelOffer small = common;
  small.name = "small";
  small.parameter_count = 1'000'000'000;
  small.memory_bytes = 2 * kGiB;
  small.tokens_per_second = 100;
  ModelOffer middle = common;
  middle.name = "middle";
  middle.parameter_count = 7'000'000'000;
  middle.memory_bytes = 8 * kGiB;
  middle.tokens_per_second = 25;
  middle.context_tokens = 32768;
  ModelOffer large = common;
  large.name = "large";
  large.parameter_count = 70'000'000'000;
  large.memory_bytes = 72 * kGiB;
  large.tokens_per_second = 4;
  large.profile = "code";
  return {large, middle, small};
}

inference::v1::ModelRequirements Wanted(const std::string& text) {
  inference::v1::ModelRequirements wanted;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &wanted)) << text;
  return wanted;
}

struct Case {
  std::string wanted;
  std::string chosen;
};

class ModelSelector : public ::testing::TestWithParam<Case> {};

TEST_P(ModelSelector, Chooses) {
  const auto selection = SelectModel(Wanted(GetParam().wanted), Fleet());

  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_EQ(selection->name, GetParam().chosen) << GetParam().wanted;
}

INSTANTIATE_TEST_SUITE_P(
    Requirements, ModelSelector,
    ::testing::Values(Case{"", "large"},  // all are equal: by name
                      Case{"speed_weight: 1", "small"}, Case{"quality_weight: 1", "large"},
                      // 100 x 1, 25 x 7 and 4 x 70.
                      Case{"speed_weight: 0.5 quality_weight: 0.5", "large"},
                      Case{"speed_weight: 1 quality_weight: 0.5", "small"},
                      Case{"quality_weight: 1 max_memory_bytes: 8589934592", "middle"},
                      Case{"quality_weight: 1 profile: 'chat'", "middle"},
                      Case{"speed_weight: 1 min_context_tokens: 8193", "middle"},
                      Case{"speed_weight: 1 profile: 'code'", "large"}));

TEST(SelectModel, TellsWhatExcludesEach) {
  auto offers = Fleet();
  offers[2].generates = false;

  const auto none =
      SelectModel(Wanted("profile: 'chat' min_context_tokens: 40000"), offers).status();

  EXPECT_THAT(none, StatusIs(absl::StatusCode::kNotFound,
                             AllOf(HasSubstr("'large': profile 'code' is not 'chat'"),
                                   HasSubstr("'middle': context_tokens 32768 is below "
                                             "min_context_tokens 40000"),
                                   HasSubstr("'small': does not generate"))));
  EXPECT_EQ(status::ErrorReason(none), "NO_MODEL_FITS");
}

TEST(SelectModel, TakesNothingWhoseMemoryIsNotKnownWhereItIsBounded) {
  auto offers = Fleet();
  for (ModelOffer& offer : offers) offer.memory_bytes = 0;

  EXPECT_THAT(SelectModel(Wanted("max_memory_bytes: 1"), offers),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("its memory is not known")));
  EXPECT_TRUE(SelectModel(Wanted(""), offers).ok());
}

TEST(SelectModel, TellsTwentyAtTheMost) {
  std::vector<ModelOffer> offers(30);
  for (std::size_t i = 0; i < offers.size(); ++i) offers[i].name = "m" + std::to_string(i);

  EXPECT_THAT(SelectModel(Wanted(""), offers).status().message(),
              AllOf(HasSubstr("'m19'"), ::testing::Not(HasSubstr("'m20'")), HasSubstr("; ...")));
}

TEST(SelectModel, PrefersWhatIsInMemory) {
  auto offers = Fleet();
  offers[0].ready = false;
  offers[0].loadable = true;

  EXPECT_EQ(SelectModel(Wanted("quality_weight: 1"), offers)->name, "middle");
  EXPECT_EQ(SelectModel(Wanted("quality_weight: 1 profile: 'code'"), offers)->name, "large");
}

TEST(SelectModel, SaysSoWhenNobodyHasWhatFits) {
  auto offers = Fleet();
  for (ModelOffer& offer : offers) offer.ready = false;

  for (const auto& fleet : {offers, std::vector<ModelOffer>()}) {
    const auto none = SelectModel(Wanted(""), fleet).status();
    EXPECT_THAT(none, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_EQ(status::ErrorReason(none), "NO_WORKER");
  }
}

TEST(SelectModel, CountsTheSpeedOfAFullModelHalf) {
  auto offers = Fleet();
  offers[1].tokens_per_second = 60;
  EXPECT_EQ(SelectModel(Wanted("speed_weight: 1"), offers)->name, "small");

  offers[2].free_slots = 0;
  EXPECT_EQ(SelectModel(Wanted("speed_weight: 1"), offers)->name, "middle");
}

TEST(SelectModel, GoesByMemoryUntilAllAreMeasured) {
  auto offers = Fleet();
  offers[0].tokens_per_second = 1000;
  offers[2].tokens_per_second = 0;

  const auto selection = SelectModel(Wanted("speed_weight: 1"), offers);

  EXPECT_EQ(selection->name, "small");
  EXPECT_DOUBLE_EQ(selection->scores[1].speed, 0.25);
}

TEST(SelectModel, ScoresEveryOneThatFits) {
  const auto fleet = Fleet();
  const auto selection = SelectModel(Wanted("speed_weight: 1 profile: 'chat'"), fleet);

  ASSERT_EQ(selection->scores.size(), 2u);
  EXPECT_EQ(selection->scores[0].name, "small");
  EXPECT_DOUBLE_EQ(selection->scores[0].score, 1);
  EXPECT_EQ(selection->scores[1].name, "middle");
  EXPECT_DOUBLE_EQ(selection->scores[1].score, 0.25);
}

TEST(SelectModel, TakesTheOneWithMostFreeSlotsOfEquals) {
  auto offers = Fleet();
  offers[1].free_slots = 5;

  EXPECT_EQ(SelectModel(Wanted(""), offers)->name, "middle");
}

TEST(QualityOfQuantization, FallsWithTheBits) {
  const struct {
    const char* quantization;
    double quality;
  } kCases[] = {{"F16", 1},      {"BF16", 1},     {"", 1},         {"none", 1},     {"Q8_0", 1},
                {"Q6_K", 0.99},  {"Q5_K_M", .98}, {"Q4_K_M", .95}, {"IQ4_XS", .95}, {"MXFP4", 0.95},
                {"q3_k_s", .85}, {"IQ2_XXS", .6}, {"TQ1_0", .4}};
  for (const auto& [quantization, quality] : kCases) {
    EXPECT_EQ(QualityOf(quantization), quality) << quantization;
  }
}

}  // namespace
}  // namespace chasqui::router
