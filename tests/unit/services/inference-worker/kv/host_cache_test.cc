// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/host_cache.h"

#include <vector>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;

class HostCacheTest : public testing::Test {
 protected:
  // 100 bytes.
  void Put(std::uint32_t name) {
    cache_.Put({.name = name, .tokens = {1, 2}, .state = std::vector<std::uint8_t>(92)});
  }

  std::vector<std::uint32_t> evicted_;
  HostCache cache_{300, [this](std::uint32_t name) { evicted_.push_back(name); }};
};

TEST_F(HostCacheTest, KeepsWhatFits) {
  for (std::uint32_t name : {1, 2, 3}) Put(name);

  EXPECT_THAT(evicted_, ElementsAre());
  EXPECT_EQ(cache_.bytes(), 300);
  EXPECT_EQ(cache_.Find(2)->state.size(), 92);
}

TEST_F(HostCacheTest, LosesWhatWasUsedTheLongestAgo) {
  for (std::uint32_t name : {1, 2, 3}) Put(name);
  cache_.Use(1);
  Put(4);

  EXPECT_THAT(evicted_, ElementsAre(2));
  EXPECT_EQ(cache_.Find(2), nullptr);
  EXPECT_EQ(cache_.bytes(), 300);
}

TEST_F(HostCacheTest, ErasesWithoutTelling) {
  Put(1);
  cache_.Erase(1);
  cache_.Erase(1);

  EXPECT_THAT(evicted_, ElementsAre());
  EXPECT_EQ(cache_.bytes(), 0);
  EXPECT_EQ(cache_.Use(1), nullptr);
}

TEST_F(HostCacheTest, KnowsWhatItCanNeverKeep) {
  EXPECT_TRUE(cache_.Fits(300));
  EXPECT_FALSE(cache_.Fits(301));
}

}  // namespace
}  // namespace chasqui::worker
