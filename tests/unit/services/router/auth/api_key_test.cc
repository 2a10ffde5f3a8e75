// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/api_key.h"

#include <string>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

TEST(ApiKey, AreAllDifferentAndFoundByTheirIds) {
  const NewApiKey one = MakeApiKey();
  const NewApiKey other = MakeApiKey();

  EXPECT_NE(one.key, other.key);
  EXPECT_NE(one.id, other.id);
  EXPECT_EQ(ApiKeyId(one.key), one.id);
  EXPECT_TRUE(IsApiKeyId(one.id));
}

TEST(ApiKey, HasTwoHundredAndFiftySixRandomBits) {
  const NewApiKey one = MakeApiKey();
  EXPECT_EQ(one.key.size(), std::string("chasqui_").size() + 12 + 1 + 64);
}

TEST(ApiKey, TellsWhatHasNotTheFormOfAKey) {
  const std::string good = "chasqui_0123456789ab_" + std::string(64, 'f');
  ASSERT_EQ(ApiKeyId(good), "0123456789ab");

  for (const std::string& bad : {std::string(), std::string("chasqui_"), good + "0", good.substr(1),
                                 "chasqui_0123456789AB_" + std::string(64, 'f'),
                                 "chasqui_0123456789ab-" + std::string(64, 'f'),
                                 "chasqui_0123456789ab_" + std::string(64, 'g'),
                                 "Chasqui_0123456789ab_" + std::string(64, 'f')}) {
    EXPECT_EQ(ApiKeyId(bad), std::nullopt) << bad;
  }
}

// The first example of FIPS 180-2.
TEST(ApiKey, IsHashedBySha256) {
  EXPECT_EQ(FormatKeyHash(HashApiKey("abc")),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ApiKey, HashesAreReadBackAndCompared) {
  const KeyHash hash = HashApiKey("one");

  EXPECT_EQ(ParseKeyHash(FormatKeyHash(hash)), hash);
  EXPECT_TRUE(SameHash(hash, HashApiKey("one")));
  EXPECT_FALSE(SameHash(hash, HashApiKey("two")));
  for (const std::string& bad : {std::string(64, 'a'), "sha256:" + std::string(63, 'a'),
                                 "sha256:" + std::string(64, 'x'), "md5:" + std::string(64, 'a')}) {
    EXPECT_EQ(ParseKeyHash(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace chasqui::router
