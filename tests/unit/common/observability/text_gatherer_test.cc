// SPDX-License-Identifier: Apache-2.0
#include "common/observability/text_gatherer.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::observability {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TextGatherer, HandsOnWhatIsLeftInOrder) {
  std::vector<std::string> handed;
  {
    TextGatherer gatherer(1h, 100, [&](std::string text) { handed.push_back(std::move(text)); });
    gatherer.Add("one ");
    gatherer.Add("two ");
  }
  EXPECT_THAT(handed, ElementsAre("one two "));
}

TEST(TextGatherer, HandsOnNothingWhereThereIsNothing) {
  std::vector<std::string> handed;
  {
    TextGatherer gatherer(1ms, 100, [&](std::string text) { handed.push_back(std::move(text)); });
  }
  EXPECT_THAT(handed, IsEmpty());
}

TEST(TextGatherer, DropsAndCountsWhatDoesNotFit) {
  std::vector<std::string> handed;
  {
    TextGatherer gatherer(1h, 10, [&](std::string text) { handed.push_back(std::move(text)); });
    gatherer.Add("12345678");
    gatherer.Add("abc");
    gatherer.Add("9a");
    EXPECT_EQ(gatherer.dropped(), 1u);
  }
  EXPECT_THAT(handed, ElementsAre("123456789a"));
}

}  // namespace
}  // namespace chasqui::observability
