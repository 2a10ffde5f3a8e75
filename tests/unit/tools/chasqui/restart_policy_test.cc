// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/restart_policy.h"

#include <chrono>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RestartPolicy, WaitsTwiceAsLongAfterEachShortLifeAndThenGivesUp) {
  RestartPolicy policy;

  EXPECT_EQ(policy.Died(seconds(1)), milliseconds(250));
  EXPECT_EQ(policy.Died(seconds(1)), milliseconds(500));
  EXPECT_EQ(policy.Died(seconds(1)), milliseconds(1000));
  EXPECT_EQ(policy.Died(seconds(1)), milliseconds(2000));
  EXPECT_EQ(policy.Died(seconds(1)), milliseconds(4000));
  EXPECT_EQ(policy.Died(seconds(1)), std::nullopt);
}

TEST(RestartPolicy, ForgivesAfterAGoodLife) {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) EXPECT_NE(policy.Died(seconds(1)), std::nullopt);

  EXPECT_EQ(policy.Died(RestartPolicy::kGoodLife), milliseconds(250));
}

}  // namespace
}  // namespace chasqui::cli
