// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/utf8_assembler.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

std::string Assemble(const std::vector<std::string>& pieces) {
  Utf8Assembler assembler;
  std::string text;
  for (const auto& piece : pieces) assembler.Append(piece, text);
  assembler.Finish(text);
  return text;
}

struct Case {
  std::string name;
  std::vector<std::string> pieces;
  std::string text;
};

class Utf8AssemblerCases : public testing::TestWithParam<Case> {};

TEST_P(Utf8AssemblerCases, MakesValidText) {
  EXPECT_EQ(Assemble(GetParam().pieces), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Utf8AssemblerCases,
    testing::Values(Case{"ascii", {"ab", "", "c"}, "abc"},
                    Case{"zero_byte", {std::string("a\0b", 3)}, std::string("a\0b", 3)},
                    Case{"two_bytes_split", {"\xC3", "\xA9"}, "\xC3\xA9"},
                    Case{"four_bytes_split", {"x\xF0\x9F", "\xA6", "\x99y"}, "x\xF0\x9F\xA6\x99y"},
                    Case{"unfinished", {"a\xE2\x82"}, "a\xEF\xBF\xBD"},
                    Case{"lone_continuation", {"a\x80z"}, "a\xEF\xBF\xBDz"},
                    Case{"broken_by_ascii", {"\xE2\x82", "z"}, "\xEF\xBF\xBDz"},
                    Case{"broken_by_lead", {"\xE2\xC3\xA9"}, "\xEF\xBF\xBD\xC3\xA9"},
                    Case{"overlong", {"\xC0\xAF"}, "\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Case{
                        "overlong_three", {"\xE0\x80\x80"}, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Case{"surrogate", {"\xED\xA0\x80"}, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Case{"above_the_last",
                         {"\xF4\x90\x80\x80"},
                         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Case{"maximal_subpart",
                         {"\xF0\x9F\xA6", "a"},
                         "\xEF\xBF\xBD"
                         "a"},
                    Case{"never_valid", {"\xFF\xFE"}, "\xEF\xBF\xBD\xEF\xBF\xBD"}),
    [](const auto& test) { return test.param.name; });

TEST(Utf8Assembler, HoldsAnUnfinishedCharacterBack) {
  Utf8Assembler assembler;
  std::string text;

  assembler.Append("a\xF0\x9F\xA6", text);

  EXPECT_EQ(text, "a");
}

}  // namespace
}  // namespace chasqui::worker
