// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/random_draw.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(UniformDraw, DependsOnItsArgumentsOnly) {
  const double first = UniformDraw(7, 100, DrawPurpose::kToken);
  UniformDraw(8, 3, DrawPurpose::kExcludeTopChoices);

  EXPECT_EQ(UniformDraw(7, 100, DrawPurpose::kToken), first);
}

TEST(UniformDraw, DiffersBySeedPositionAndPurpose) {
  std::set<double> drawn;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::uint64_t position = 0; position < 50; ++position) {
      drawn.insert(UniformDraw(seed, position, DrawPurpose::kToken));
      drawn.insert(UniformDraw(seed, position, DrawPurpose::kExcludeTopChoices));
    }
  }
  EXPECT_EQ(drawn.size(), 2000);
}

// The streams of stored requests must stay what they are from version to version.
TEST(UniformDraw, StaysWhatItIs) {
  EXPECT_DOUBLE_EQ(UniformDraw(0, 0, DrawPurpose::kToken), 0.65244848637403219);
}

TEST(UniformDraw, IsEvenlySpread) {
  std::array<int, 10> counts{};
  for (std::uint64_t position = 0; position < 100'000; ++position) {
    const double value = UniformDraw(42, position, DrawPurpose::kToken);
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++counts[static_cast<std::size_t>(value * 10)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace chasqui::worker
