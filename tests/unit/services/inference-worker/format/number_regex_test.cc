// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/number_regex.h"

#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

TEST(IntegerRegex, HoldsTheIntegersWithinAndNoOthers) {
  for (int low = -130; low <= 130; low += 65) {
    for (int high = low; high <= 1200; high += 97) {
      const std::regex regex(*IntegerRegex(low, high));
      for (int i = -1300; i <= 1300; ++i)
        ASSERT_EQ(std::regex_match(std::to_string(i), regex), low <= i && i <= high)
            << low << " " << high << " " << i;
    }
  }
}

TEST(IntegerRegex, IsOpenWhereThereIsNoBound) {
  const std::regex from(*IntegerRegex(5, std::nullopt));
  const std::regex any(*IntegerRegex(std::nullopt, std::nullopt));
  for (const char* yes : {"5", "10", "9999999999999999"})
    EXPECT_TRUE(std::regex_match(yes, from)) << yes;
  for (const char* no : {"4", "-5", "05", "+7", ""}) EXPECT_FALSE(std::regex_match(no, from)) << no;
  for (const char* yes : {"0", "-1", "42"}) EXPECT_TRUE(std::regex_match(yes, any)) << yes;
  for (const char* no : {"-0", "00", "1.0"}) EXPECT_FALSE(std::regex_match(no, any)) << no;
  EXPECT_EQ(IntegerRegex(3, 2), std::nullopt);
}

TEST(NumberRegex, HoldsTheNumbersWithinAndNoOthers) {
  const double bounds[] = {-12.5, -3, -0.25, 0, 0.1, 0.125, 1, 2.5, 2.75, 10, 99.99};
  for (const double low : bounds) {
    for (const double high : bounds) {
      for (const bool exclusive : {false, true}) {
        const auto text = NumberRegex(NumberBound{low, exclusive}, NumberBound{high, exclusive});
        const auto within = [&](double x) {
          return exclusive ? low < x && x < high : low <= x && x <= high;
        };
        if (!text) {
          EXPECT_FALSE(low < high) << low << " " << high;
          continue;
        }
        const std::regex regex(*text);
        for (int i = -130; i <= 1010; i += 11) {
          for (const char* fraction : {"", ".5", ".25", ".125", ".7", ".75", ".99", ".001"}) {
            const std::string sign = i < 0 ? "-" : "";
            const std::string x = absl::StrCat(sign, std::abs(i) / 10, fraction);
            if (x == "-0") continue;
            ASSERT_EQ(std::regex_match(x, regex), within(std::stod(x)))
                << low << " " << high << " " << exclusive << " " << x;
          }
        }
      }
    }
  }
}

// As doubles, as which most readers take them.
TEST(NumberRegex, KeepsAnExclusiveBoundWhenItIsRounded) {
  const std::regex above(*NumberRegex(NumberBound{12.5, true}, std::nullopt));
  EXPECT_EQ(std::stod("12.5000000000000001"), 12.5);
  EXPECT_FALSE(std::regex_match("12.5000000000000001", above));
  EXPECT_TRUE(std::regex_match("12.5000000000001", above));
  const std::regex below(*NumberRegex(std::nullopt, NumberBound{13, true}));
  EXPECT_EQ(std::stod("12.9999999999999999"), 13);
  EXPECT_FALSE(std::regex_match("12.9999999999999999", below));
  EXPECT_TRUE(std::regex_match("12.9999999999999", below));
  const std::regex large(*NumberRegex(NumberBound{999'999'999'999'998, true}, std::nullopt));
  EXPECT_TRUE(std::regex_match("999999999999998.1", large));
  EXPECT_FALSE(std::regex_match("999999999999998.01", large));
}

}  // namespace
}  // namespace chasqui::worker
