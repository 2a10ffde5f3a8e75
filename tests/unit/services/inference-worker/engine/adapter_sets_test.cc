// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/adapter_sets.h"

#include <set>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

// Nobody looks at what it points to.
std::vector<AppliedAdapter> Set(float scale) {
  static int anything = 0;
  return {{.adapter = reinterpret_cast<llama_adapter_lora*>(&anything), .scale = scale}};
}

TEST(AdapterSets, BeginWithThatOfNone) {
  AdapterSets sets;

  const auto use = sets.Enter({});

  EXPECT_EQ(use.index, AdapterSets::kNone);
  EXPECT_FALSE(use.renamed);
  EXPECT_TRUE(sets.at(use.index).empty());
  EXPECT_EQ(sets.size(), 1);
}

TEST(AdapterSets, GiveEqualSetsTheSameNumber) {
  AdapterSets sets;
  const auto first = sets.Enter(Set(1));

  EXPECT_EQ(sets.Enter(Set(1)).index, first.index);
  EXPECT_NE(sets.Enter(Set(2)).index, first.index);
  EXPECT_EQ(sets.at(first.index), Set(1));
}

TEST(AdapterSets, RememberASetThatNobodyUses) {
  AdapterSets sets;
  const auto first = sets.Enter(Set(1));
  sets.Leave(first.index);

  const auto again = sets.Enter(Set(1));

  EXPECT_EQ(again.index, first.index);
  EXPECT_FALSE(again.renamed);
}

TEST(AdapterSets, StayFewHoweverManyAreAskedFor) {
  AdapterSets sets;
  for (int i = 1; i <= 1000; ++i) sets.Leave(sets.Enter(Set(static_cast<float>(i))).index);

  EXPECT_EQ(sets.size(), 1 + AdapterSets::kMostUnused);
}

TEST(AdapterSets, GiveTheNumberUnusedTheLongestToANewSet) {
  AdapterSets sets;
  std::vector<std::uint32_t> indices;
  for (std::size_t i = 0; i < AdapterSets::kMostUnused; ++i)
    indices.push_back(sets.Enter(Set(static_cast<float>(1 + i))).index);
  for (const std::uint32_t index : indices) sets.Leave(index);
  sets.Leave(sets.Enter(Set(1)).index);  // used again: now the second is the oldest

  const auto use = sets.Enter(Set(-1));

  EXPECT_EQ(use.index, indices[1]);
  EXPECT_TRUE(use.renamed);
  EXPECT_EQ(sets.at(use.index), Set(-1));
}

TEST(AdapterSets, NeverTakeANumberThatIsInUse) {
  AdapterSets sets;
  std::set<std::uint32_t> in_use;
  for (int i = 1; i <= 100; ++i) {
    const auto use = sets.Enter(Set(static_cast<float>(i)));
    EXPECT_TRUE(in_use.insert(use.index).second) << i;
    EXPECT_FALSE(use.renamed);
  }

  for (int i = 1; i <= 100; ++i) EXPECT_TRUE(in_use.contains(sets.Enter(Set(i)).index)) << i;
}

}  // namespace
}  // namespace chasqui::worker
