// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_format.h"

#include <string>

#include <gtest/gtest.h>

namespace chasqui::cache {
namespace {

TEST(DiskFormat, GivesBackWhatItWasGiven) {
  const std::string value = EncodeValue(-5, "envelope");

  ASSERT_TRUE(DecodeValue(value).has_value());
  EXPECT_EQ(DecodeValue(value)->expires_us, -5);
  EXPECT_EQ(DecodeValue(value)->envelope, "envelope");
  EXPECT_EQ(DecodeGeneration(EncodeGeneration({.value = 7, .unshared = true})),
            (Generation{.value = 7, .unshared = true}));
}

TEST(DiskFormat, ReadsNothingOfWhatIsDamaged) {
  EXPECT_FALSE(DecodeValue("1234567").has_value());
  EXPECT_FALSE(DecodeRecord("\xff").has_value());
  EXPECT_FALSE(DecodeGeneration("\xff").has_value());
  EXPECT_FALSE(DecodeGeneration("").has_value()) << "0 is no generation";
}

}  // namespace
}  // namespace chasqui::cache
