// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/gbnf_check.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
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
        Wrong{"root ::= \"a\"{9999}", "line 1, column 17: more than 2000 repetitions"},
        Wrong{"root ::= \"a\"{1,2", "line 1, column 17: \"}\" is expected"},
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
