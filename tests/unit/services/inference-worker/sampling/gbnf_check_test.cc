// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/gbnf_check.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "services/inference-worker/sampling/grammar.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

using testing::HasSubstr;

class RightGrammars : public testing::TestWithParam<const char*> {};

TEST_P(RightGrammars, Pass) {
  EXPECT_TRUE(CheckGbnf(GetParam()).ok()) << CheckGbnf(GetParam());
  EXPECT_TRUE(Grammar::Parse(TinyModel()->vocabulary(), GetParam(), "x").ok());
}

INSTANTIATE_TEST_SUITE_P(
    Table, RightGrammars,
    testing::Values("root ::= \"a\"",
                    "# comment\nroot ::= a | b # more\na ::= \"x\"\nb ::= [^0-9]\n",
                    "root ::= (\"a\" |\n  \"b\")* \"c\"+ \"d\"?\n",
                    "root ::= [a-z\\]\\x41\\u00e9]{2,4} .{3} \"\\\"\\n\\\\\"",
                    "root ::=\n  \"a\" |\n  \"b\"\n\n\nx-1 ::= root\n",
                    "root ::= \"a\"{2,} \r\nother ::= \"\"",
                    "root ::= <|im_end|> | !<|im_start|> | <[7]>"));

struct Wrong {
  const char* grammar;
  const char* reason;
};

class WrongGrammars : public testing::TestWithParam<Wrong> {};

TEST_P(WrongGrammars, AreToldWhereAndWhy) {
  const auto status = CheckGbnf(GetParam().grammar);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongGrammars,
    testing::Values(
        Wrong{"", "line 1, column 1: there is no rule \"root\""},
        Wrong{"a ::= \"x\"", "line 1, column 10: there is no rule \"root\""},
        Wrong{"root = \"x\"", "line 1, column 6: \"::=\" is expected"},
        Wrong{"root ::= (\"a\"", "line 1, column 14: \")\" is expected"},
        Wrong{"root ::= \"a", "line 1, column 10: the string does not end"},
        Wrong{"root ::= [a-", "line 1, column 10: the class of characters does not end"},
        Wrong{"root ::= \"a\"\nx ::= y", "line 2, column 7: there is no rule \"y\""},
        Wrong{"root ::= \"a\" )", "line 1, column 14: the end of the rule is expected"},
        Wrong{"root ::= *", "line 1, column 10: there is nothing to repeat"},
        Wrong{"root ::= \"\\q\"", "line 1, column 12: an unknown escape"},
        Wrong{"root ::= \"\\x4g\"", "line 1, column 14: 2 hexadecimal digits are expected"},
        Wrong{"root ::= \"a\"{}", "line 1, column 14: a number is expected"},
        Wrong{"root ::= \"a\"{9999}", "line 1, column 17: more than 1999 repetitions"},
        Wrong{"root ::= \"a\"{1,2", "line 1, column 17: \"}\" is expected"},
        Wrong{"root ::= \"a\"{3,2}",
              "line 1, column 13: the numbers of repetitions are out of order"},
        Wrong{"root ::= \"\"*", "line 1, column 12: there is nothing to repeat"},
        Wrong{"root ::= <x", "line 1, column 10: the token does not end"},
        Wrong{"::= \"x\"", "line 1, column 1: the name of a rule is expected"}));

TEST(CheckGbnf, RefusesZeroBytes) {
  EXPECT_EQ(CheckGbnf(std::string_view("root ::= \"a\0\"", 13)).message(),
            "line 1, column 12: a zero byte");
}

TEST(CheckGbnf, BoundsTheDepth) {
  const std::string deep = absl::StrCat("root ::= ", std::string(100'000, '('));

  EXPECT_THAT(std::string(CheckGbnf(deep).message()), HasSubstr("nested deeper"));
}

// Just within each bound, and just above it: libllama takes what passes, in a moment.
struct Bounded {
  std::string name;
  std::string within;
  std::string above;
  std::string reason;
};

class BoundsOfGrammars : public testing::TestWithParam<Bounded> {};

TEST_P(BoundsOfGrammars, AreStrictlyBelowLibllamas) {
  const auto& [name, within, above, reason] = GetParam();
  EXPECT_TRUE(CheckGbnf(within).ok()) << CheckGbnf(within);
  EXPECT_TRUE(Grammar::Parse(TinyModel()->vocabulary(), within, "x").ok());

  const auto refused = CheckGbnf(above);

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(reason));
}

std::string Nested(std::string_view counts_from_inside) {
  std::string grammar = "\"x\"?";
  for (const std::string_view count : absl::StrSplit(counts_from_inside, ' '))
    grammar = absl::StrCat("(", grammar, "){", count, "}");
  return grammar;
}

// Rules that refer to each other, so that libllama does not see the whole of the repetition.
std::string Linked(std::vector<std::string> counts) {
  std::string grammar = "root ::= r0";
  for (std::size_t i = 0; i < counts.size(); ++i)
    absl::StrAppend(&grammar, "{", counts[i], "}\nr", i,
                    " ::= ", i + 1 == counts.size() ? "\"x\"?" : absl::StrCat("r", i + 1));
  return grammar;
}

std::string Chain(int rules) {
  std::string grammar = "root ::= r0\n";
  for (int i = 0; i < rules; ++i) absl::StrAppend(&grammar, "r", i, " ::= r", i + 1, "\n");
  return absl::StrCat(grammar, "r", rules, " ::= \"x\"\n");
}

INSTANTIATE_TEST_SUITE_P(
    Table, BoundsOfGrammars,
    testing::Values(
        Bounded{"Count", R"(root ::= "a"{1999})", R"(root ::= "a"{2000})", "more than 1999"},
        Bounded{"CountOfNone", R"(root ::= "a"{0,1999})", R"(root ::= "a"{0,2000})",
                "more than 1999"},
        Bounded{"CountWithoutEnd", R"(root ::= "a"{1999,})", R"(root ::= "a"{2000,})",
                "more than 1999"},
        Bounded{"RepeatedCount", R"(root ::= "a"{50}{39})", R"(root ::= "a"{50}{40})",
                "those of rules and repetitions within counted"},
        Bounded{"CountOfAGroup", R"(root ::= ("a" "b"?){999})", R"(root ::= ("a" "b"?){1000})",
                "those of rules and repetitions within counted"},
        Bounded{"CountOfRules", "root ::= (a b){666}\na ::= \"x\"\nb ::= \"y\"",
                "root ::= (a b){667}\na ::= \"x\"\nb ::= \"y\"",
                "those of rules and repetitions within counted"},
        Bounded{"Copies", absl::StrCat("root ::= \"", std::string(500, 'a'), "\"{1990}"),
                absl::StrCat("root ::= \"", std::string(600, 'a'), "\"{1990}"),
                "more than 1000000 elements"},
        Bounded{"CopiesThatMayBeThere",
                absl::StrCat("root ::= [", std::string(490, 'a'), "]{0,1990}"),
                absl::StrCat("root ::= [", std::string(600, 'a'), "]{0,1990}"),
                "more than 1000000 elements"},
        Bounded{"Ways", Linked({"1,45", "1,45"}), Linked({"1,1000", "1,1000", "1,1000"}),
                "more than 5000 ways"},
        Bounded{"DeepRules", Chain(1500), Chain(3000), "more than 2000 rules"}),
    [](const auto& test) { return test.param.name; });

// libllama multiplies what it copies, and we as it does.
TEST(CheckGbnf, RefusesWhatLibllamaRefuses) {
  for (const char* count : {"2", "3", "10", "30", "45", "99"}) {
    for (const char* outer : {"2", "7", "20", "44", "70", "333"}) {
      const std::string grammar =
          absl::StrCat("root ::= ", Nested(absl::StrCat(count, " 1,", outer)));
      testing::internal::CaptureStderr();
      const bool passes = CheckGbnf(grammar).ok();
      const bool parses = Grammar::Parse(TinyModel()->vocabulary(), grammar, "x").ok();
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << grammar;
      EXPECT_EQ(passes, parses) << grammar;
    }
  }
}

TEST(CheckGbnf, TellsWhetherTokensAreNamed) {
  GbnfFacts facts;
  EXPECT_TRUE(CheckGbnf("root ::= \"<[7]>\" [<!>]", &facts).ok());
  EXPECT_FALSE(facts.names_tokens);
  EXPECT_TRUE(CheckGbnf("root ::= \"a\" !<[7]>", &facts).ok());
  EXPECT_TRUE(facts.names_tokens);
}

// libllama's parser would write to standard error what ours refuses.
TEST(CheckGbnf, KeepsLibllamasParserFromSpeaking) {
  for (const char* grammar : {"root ::= (", "root ::= missing", "root ::= \"a", "x"}) {
    testing::internal::CaptureStderr();
    EXPECT_FALSE(Grammar::Parse(TinyModel()->vocabulary(), grammar, "x").ok());
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }
}

TEST(CheckGbnf, LeavesLeftRecursionToLibllama) {
  const auto status =
      Grammar::Parse(TinyModel()->vocabulary(), "root ::= root \"a\"", "x").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("recursion"));
}

}  // namespace
}  // namespace chasqui::worker
