// SPDX-License-Identifier: Apache-2.0
#include "tools/load/samples.h"

#include <chrono>

#include <gtest/gtest.h>

namespace chasqui::load {
namespace {

using std::chrono::microseconds;

TEST(Samples, HasNothingToSayWithoutAny) {
  EXPECT_EQ(Samples().Mean(), std::nullopt);
  EXPECT_EQ(Samples().Percentile(50), std::nullopt);
}

TEST(Samples, GivesTheNearestRank) {
  Samples samples;
  for (int i = 200; i >= 1; --i) samples.Add(microseconds(i));

  EXPECT_EQ(samples.Percentile(0.1), microseconds(1));
  EXPECT_EQ(samples.Percentile(50), microseconds(100));
  EXPECT_EQ(samples.Percentile(99), microseconds(198));
  EXPECT_EQ(samples.Percentile(100), microseconds(200));
}

TEST(Samples, GivesTheMean) {
  Samples samples;
  samples.Add(microseconds(1));
  samples.Add(microseconds(5));

  EXPECT_EQ(samples.Mean(), microseconds(3));
}

}  // namespace
}  // namespace chasqui::load
