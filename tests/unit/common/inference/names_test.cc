// SPDX-License-Identifier: Apache-2.0
#include "common/inference/names.h"

#include <string>

#include <gtest/gtest.h>

namespace chasqui::inference {
namespace {

TEST(IsName, TakesWhatModelsAreCalled) {
  for (const char* name : {"a", "qwen2.5-0.5b", "org/model:q8_0", "A_1"})
    EXPECT_TRUE(IsName(name)) << name;
}

TEST(IsName, RefusesOtherCharacters) {
  for (const char* name : {"a b", "a\n", "caf\xc3\xa9", "a\\b", "a*"})
    EXPECT_FALSE(IsName(name)) << name;
}

TEST(IsName, HasBounds) {
  EXPECT_FALSE(IsName(""));
  EXPECT_TRUE(IsName(std::string(kMostNameCharacters, 'a')));
  EXPECT_FALSE(IsName(std::string(kMostNameCharacters + 1, 'a')));
}

}  // namespace
}  // namespace chasqui::inference
