// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/variants.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;

TEST(SplitVariantName, FindsTheTypeOfWeights) {
  struct Case {
    std::string_view stem;
    std::string_view model;
    std::string_view quantization;
  };
  constexpr Case kCases[] = {
      {"foo-Q4_K_M", "foo", "Q4_K_M"},
      {"foo-q8_0", "foo", "q8_0"},
      {"foo.IQ2_XXS", "foo", "IQ2_XXS"},
      {"foo_TQ1_0", "foo", "TQ1_0"},
      {"foo-7b-instruct-F16", "foo-7b-instruct", "F16"},
      {"foo-bf16", "foo", "bf16"},
      {"foo", "foo", ""},
      {"Q8_0", "Q8_0", ""},
      {"qwen-Q4", "qwen-Q4", ""},
      {"foo-Q4_K_M-old!", "foo-Q4_K_M-old!", ""},
      {"", "", ""},
  };
  for (const Case& c : kCases) {
    const VariantName name = SplitVariantName(c.stem);
    EXPECT_EQ(name.model, c.model) << c.stem;
    EXPECT_EQ(name.quantization, c.quantization) << c.stem;
  }
}

std::vector<std::string> Names(const std::vector<VariantGroup>& groups) {
  std::vector<std::string> names;
  for (const auto& group : groups) names.push_back(group.name);
  return names;
}

TEST(GroupVariants, PutsTypesOfWeightsOfOneModelTogether) {
  const std::vector<std::string> paths = {"/m/foo-Q4_K_M.gguf", "/m/bar.gguf", "/m/foo-q8_0.gguf"};

  const auto groups = GroupVariants(paths);

  ASSERT_THAT(Names(groups), ElementsAre("bar", "foo"));
  EXPECT_THAT(groups[1].paths, ElementsAre("/m/foo-Q4_K_M.gguf", "/m/foo-q8_0.gguf"));
}

TEST(GroupVariants, LeavesAFileThatIsAloneItsName) {
  const std::vector<std::string> paths = {"/m/foo-Q4_K_M.gguf"};

  EXPECT_THAT(Names(GroupVariants(paths)), ElementsAre("foo-Q4_K_M"));
}

TEST(GroupVariants, CountsAModelInPartsOnce) {
  const std::vector<std::string> paths = {"/m/foo-Q8_0-00001-of-00002.gguf",
                                          "/m/foo-Q8_0-00002-of-00002.gguf"};

  const auto groups = GroupVariants(paths);

  ASSERT_THAT(Names(groups), ElementsAre("foo-Q8_0"));
  EXPECT_THAT(groups[0].paths, ElementsAre("/m/foo-Q8_0-00001-of-00002.gguf"));
}

constexpr VariantSize kSizes[] = {{.weights_bytes = 40, .total_bytes = 50},
                                  {.weights_bytes = 160, .total_bytes = 170},
                                  {.weights_bytes = 80, .total_bytes = 90}};

TEST(ChooseVariant, TakesTheBestThatFits) {
  EXPECT_EQ(ChooseVariant(kSizes, 170), 1);
  EXPECT_EQ(ChooseVariant(kSizes, 169), 2);
  EXPECT_EQ(ChooseVariant(kSizes, 50), 0);
  EXPECT_EQ(ChooseVariant(kSizes, 49), std::nullopt);
}

TEST(ChooseVariant, TakesTheBestWhenTheMemoryIsNotKnown) {
  EXPECT_EQ(ChooseVariant(kSizes, std::nullopt), 1);
}

TEST(BestFirst, KeepsTheOrderOfEquals) {
  constexpr VariantSize kEqual[] = {
      {.weights_bytes = 1}, {.weights_bytes = 2}, {.weights_bytes = 1}};

  EXPECT_THAT(BestFirst(kEqual), ElementsAre(1, 0, 2));
}

}  // namespace
}  // namespace chasqui::worker
