// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/text.h"

#include <set>

#include <gtest/gtest.h>

namespace chasqui::mock_worker {
namespace {

TEST(TokenAt, DependsOnPromptCandidateAndPositionOnly) {
  const uint64_t prompt = PromptHash("hello");

  EXPECT_EQ(TokenAt(prompt, 0, 3, 0), TokenAt(PromptHash("hello"), 0, 3, 0));
  EXPECT_NE(TokenAt(prompt, 0, 3, 0).id, TokenAt(prompt, 0, 4, 0).id);
  EXPECT_NE(TokenAt(prompt, 0, 3, 0).id, TokenAt(prompt, 1, 3, 0).id);
  EXPECT_NE(TokenAt(prompt, 0, 3, 0).id, TokenAt(PromptHash("hullo"), 0, 3, 0).id);
}

TEST(TokenAt, HasTheIdThatTokenIdAtTells) {
  for (uint64_t position = 0; position < 100; ++position) {
    const MockToken token = TokenAt(PromptHash("x"), 0, position, 0);
    EXPECT_EQ(token.id, TokenIdAt(PromptHash("x"), 0, position));
    EXPECT_LT(token.id, kVocabulary);
  }
}

TEST(TokenAt, HasTheLengthAskedFor) {
  EXPECT_EQ(TokenAt(1, 0, 0, 1).text.size(), 1U);
  EXPECT_EQ(TokenAt(1, 0, 0, 500).text.size(), 500U);
  EXPECT_EQ(TokenAt(1, 0, 0, 0).text.back(), ' ');
}

TEST(TokenAt, IsVaried) {
  std::set<std::string> texts;
  for (uint64_t position = 0; position < 100; ++position) {
    texts.insert(TokenAt(PromptHash("x"), 0, position, 0).text);
  }

  EXPECT_GT(texts.size(), 50U);
}

TEST(SendStamp, IsReadBack) {
  const time::SteadyTime now = time::SteadyNow();

  EXPECT_EQ(ReadStamp(SendStamp(now) + "   "), now);
  EXPECT_EQ(ReadStamp("chasqui "), std::nullopt);
}

}  // namespace
}  // namespace chasqui::mock_worker
