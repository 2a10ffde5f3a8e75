// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/prefix_tree.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Tokens = std::vector<std::int32_t>;
using Shared = PrefixTree::Shared;

TEST(PrefixTree, FindsNothingInCommon) {
  PrefixTree tree;
  tree.Insert(1, Tokens{1, 2, 3});

  EXPECT_THAT(tree.Find(Tokens{2, 3}), IsEmpty());
  EXPECT_THAT(tree.Find(Tokens{}), IsEmpty());
}

TEST(PrefixTree, TellsHowMuchEachSequenceShares) {
  PrefixTree tree;
  tree.Insert(1, Tokens{1, 2, 3, 4});
  tree.Insert(2, Tokens{1, 2, 9});
  tree.Insert(3, Tokens{1, 2});
  tree.Insert(4, Tokens{7});

  EXPECT_THAT(tree.Find(Tokens{1, 2, 3, 8}),
              UnorderedElementsAre(Shared{1, 3}, Shared{2, 2}, Shared{3, 2}));
}

TEST(PrefixTree, KnowsSequencesThatAreAlike) {
  PrefixTree tree;
  tree.Insert(1, Tokens{1, 2});
  tree.Insert(2, Tokens{1, 2});

  tree.Extend(1, Tokens{3});

  EXPECT_THAT(tree.Find(Tokens{1, 2, 3}), UnorderedElementsAre(Shared{1, 3}, Shared{2, 2}));
}

TEST(PrefixTree, ForgetsWhatIsRemoved) {
  PrefixTree tree;
  tree.Insert(1, Tokens{1, 2, 3});
  tree.Insert(2, Tokens{1, 2, 4});

  tree.Remove(1);
  tree.Remove(1);

  EXPECT_THAT(tree.Find(Tokens{1, 2, 3}), UnorderedElementsAre(Shared{2, 2}));
  EXPECT_EQ(tree.size(), 1);
}

// Against a table of sequences, over random operations.
TEST(PrefixTree, EqualsAPlainTable) {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t n) { return random() % n; };
  const auto draw = [&](std::uint32_t most) {
    Tokens tokens(below(most));
    for (auto& token : tokens) token = static_cast<std::int32_t>(below(3));
    return tokens;
  };
  PrefixTree tree;
  std::map<std::uint32_t, Tokens> table;
  for (int round = 0; round < 20'000; ++round) {
    const std::uint32_t name = below(24);
    if (!table.contains(name)) {
      table[name] = draw(12);
      tree.Insert(name, table[name]);
    } else if (below(3) > 0) {
      const Tokens more = draw(4);
      table[name].insert(table[name].end(), more.begin(), more.end());
      tree.Extend(name, more);
    } else {
      table.erase(name);
      tree.Remove(name);
    }
    const Tokens asked = draw(16);
    std::vector<Shared> expected;
    for (const auto& [other, tokens] : table) {
      const auto shared = std::ranges::mismatch(tokens, asked).in1 - tokens.begin();
      if (shared > 0) expected.push_back({other, static_cast<std::uint32_t>(shared)});
    }
    ASSERT_THAT(tree.Find(asked), testing::UnorderedElementsAreArray(expected)) << round;
  }
}

}  // namespace
}  // namespace chasqui::worker
