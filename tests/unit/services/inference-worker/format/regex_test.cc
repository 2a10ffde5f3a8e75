// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/regex.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/unit/services/inference-worker/format/format_matcher.h"

namespace chasqui::worker {
namespace {

using ::testing::HasSubstr;

struct Matching {
  std::string regex;
  std::vector<std::string> yes;
  std::vector<std::string> no;
};

class RegexFormatOf : public testing::TestWithParam<Matching> {};

TEST_P(RegexFormatOf, AcceptsWhatMatchesAsAWhole) {
  const auto format = RegexFormat(GetParam().regex);
  for (const auto& text : GetParam().yes) EXPECT_TRUE(Accepts(format, text)) << text;
  for (const auto& text : GetParam().no) EXPECT_FALSE(Accepts(format, text)) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Table, RegexFormatOf,
    testing::Values(Matching{"abc", {"abc"}, {"ab", "abcd", "xabc"}},
                    Matching{"^a|bc$", {"a", "bc"}, {"abc", "ab"}},
                    Matching{"[a-c]+\\d{2,3}", {"a12", "abc123"}, {"12", "a1", "a1234"}},
                    Matching{"[^a-z\\d]", {"A", "\xC3\xA9", "\n"}, {"a", "5"}},
                    Matching{"a.c",
                             {"abc",
                              "a\xE2\x82\xAC"
                              "c"},
                             {"a\nc", "ac"}},
                    Matching{"(a?b?)*c", {"c", "ac", "bbac", "ababc"}, {"ad", ""}},
                    Matching{"(?:(?:)*|x)+", {"x", "xxx"}, {"y"}},
                    Matching{"(?<year>\\d{4})-(x|y)?", {"1999-", "2024-x"}, {"199-", "1999-xy"}},
                    Matching{"a{0}b{2}?c{1,}?", {"bbc", "bbcc"}, {"abbc", "bbb"}},
                    Matching{"\\u00e9\\x41\\u{1F999}\\uD83E\\uDD99\\.\\/\\-",
                             {"\xC3\xA9"
                              "A\xF0\x9F\xA6\x99\xF0\x9F\xA6\x99./-"},
                             {"eA"}},
                    Matching{"[\\]\"\\\\^-]+", {"]\"\\^-"}, {"a"}},
                    Matching{"\\w\\W\\s\\S", {"a- b"}, {"aa b", "a-bb"}}));

TEST(RegexFormat, RefusesByNameWhatAGrammarCannotSay) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a(?=b)", "looking ahead"},
      {"(?<!a)b", "looking behind"},
      {"(a)\\1", "references"},
      {"\\bword", "word boundaries"},
      {"\\p{L}", "Unicode property"},
      {"(?i)a", "flags"},
      {"a(^b)", "only at the begin"},
      {"a$b", "only at the end"},
      {"(", "does not end"},
      {"[a", "does not end"},
      {"a)", "closes nothing"},
      {"*a", "nothing to repeat"},
      {"a{2000}", "more than 1999"},
      {"a{9999999999999}", "more than 1999"},
      {"a{3,2}", "out of order"},
      {"[z-a]", "out of order"},
      {"\\", "does not end"},
      {"a++", "possessive"},
      {"[^\\s\\S]", "is empty"},
      {"\\uD800", "no character"},
      {"((a{0,500}b?){0,500}c?){0,500}", "repetitions"}};
  for (const auto& [regex, why] : cases) {
    const auto status = OutputGrammar(RegexFormat(regex)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << regex;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << regex;
    ASSERT_EQ(status::FieldViolations(status).size(), 1) << regex;
    EXPECT_EQ(status::FieldViolations(status).front().field, "output_format.regex");
  }
}

TEST(RegexFormat, IsBoundedWhateverIsNested) {
  std::string regex = "a";
  for (int i = 0; i < 60; ++i) regex = "((" + regex + ")*(|b))*";

  const auto grammar = OutputGrammar(RegexFormat(regex));

  EXPECT_EQ(grammar.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RegexFormat, TakesTheMostRepetitionsLibllamaDoes) {
  EXPECT_TRUE(Accepts(RegexFormat("a{0,1999}b"), "aab"));
}

TEST(ChoiceFormat, IsOneOfTheStrings) {
  inference::v1::OutputFormat format;
  for (const char* text : {"yes", "no", "no", "\"quoted\"\\\n"})
    format.mutable_choice()->add_choices(text);

  for (const char* text : {"yes", "no", "\"quoted\"\\\n"}) EXPECT_TRUE(Accepts(format, text));
  for (const char* text : {"y", "yesno", "maybe"}) EXPECT_FALSE(Accepts(format, text));
}

}  // namespace
}  // namespace chasqui::worker
