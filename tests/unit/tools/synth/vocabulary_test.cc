// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/vocabulary.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_split.h"

namespace chasqui::synth {
namespace {

TEST(ByteCharacter, FollowsGpt2) {
  EXPECT_EQ(ByteCharacter('a'), "a");
  EXPECT_EQ(ByteCharacter(' '), "\u0120");
  EXPECT_EQ(ByteCharacter('\n'), "\u010A");
  EXPECT_EQ(ByteCharacter(0x7F), "\u0121");
  EXPECT_EQ(ByteCharacter(0xAD), "\u0143");
  EXPECT_EQ(ByteCharacter(0xFF), "\u00FF");
}

TEST(MakeVocabulary, HasItsSizeAndNoTokenTwice) {
  for (uint32_t size : {kSmallestVocabulary, 300U, 2000U, 32000U}) {
    const Vocabulary vocabulary = MakeVocabulary(size);

    EXPECT_EQ(vocabulary.tokens.size(), size);
    EXPECT_EQ(vocabulary.merges.size(), size - kSmallestVocabulary);
    EXPECT_EQ((absl::flat_hash_set<std::string>(vocabulary.tokens.begin(), vocabulary.tokens.end())
                   .size()),
              size);
  }
}

TEST(MakeVocabulary, MergesOnlyTokensThatAnEarlierRankMade) {
  const Vocabulary vocabulary = MakeVocabulary(5000);
  absl::flat_hash_set<std::string> known(vocabulary.tokens.begin() + kSpecialTokens,
                                         vocabulary.tokens.begin() + kSmallestVocabulary);

  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(vocabulary.merges[i], ' ');
    ASSERT_TRUE(known.contains(parts.first)) << vocabulary.merges[i];
    ASSERT_TRUE(known.contains(parts.second)) << vocabulary.merges[i];
    ASSERT_EQ(vocabulary.tokens[kSmallestVocabulary + i], parts.first + parts.second);
    known.insert(parts.first + parts.second);
  }
}

TEST(MakeVocabulary, IsTheBeginningOfALargerOne) {
  const Vocabulary small = MakeVocabulary(2000);
  const Vocabulary large = MakeVocabulary(4000);

  for (size_t i = 0; i < small.tokens.size(); ++i) ASSERT_EQ(small.tokens[i], large.tokens[i]);
}

}  // namespace
}  // namespace chasqui::synth
