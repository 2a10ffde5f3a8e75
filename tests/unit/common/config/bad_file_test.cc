// SPDX-License-Identifier: Apache-2.0
// What a broken or hostile file may do: fail with a line that says why, and nothing else.
#include <random>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/load.h"
#include "tests/unit/common/config/testing.h"

namespace chasqui::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TestingConfig;

constexpr std::string_view kGood =
    "name: north\nqueue: {max_requests: 1, max_wait: 1.5s, buffer_bytes: 64MiB}\n"
    "models:\n  - path: &p a.gguf\n    aliases: [a, *p]\nlabels: {zone: \"a\\n\"}\n";

TEST(BadFile, IsReportedWhenItCannotBeRead) {
  TestingConfig config;
  EXPECT_THAT(LoadProblems({.file = "/nowhere/x.yaml"}, config),
              ElementsAre("/nowhere/x.yaml: cannot be read"));
  EXPECT_THAT(LoadProblems({.file = "/"}, config), ElementsAre("/: cannot be read"));
  EXPECT_THAT(LoadProblems({.file = ""}, config), SizeIs(1));
}

TEST(BadFile, IsRefusedAboveOneMebibyte) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("name: " + std::string(1 << 20, 'x'), config),
              ElementsAre(HasSubstr("is larger than 1 MiB")));
  EXPECT_THAT(LoadProblems({.file = "/dev/zero"}, config),
              ElementsAre("/dev/zero: is larger than 1 MiB"));
}

TEST(BadFile, IsRefusedWhenItIsNotOneYamlDocument) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("name: \"x\\q\"\n", config), ElementsAre(HasSubstr("is not YAML")));
  EXPECT_THAT(YamlProblems("name: *nothing\n", config), ElementsAre(HasSubstr("is not YAML")));
  EXPECT_THAT(YamlProblems("a: 1\n---\nb: 2\n", config),
              ElementsAre(HasSubstr("one YAML document only")));
  EXPECT_THAT(YamlProblems("just words\n", config), ElementsAre(HasSubstr("must be a map")));
  EXPECT_THAT(YamlProblems("[a]: 1\n", config), ElementsAre(HasSubstr("not a plain word")));
}

TEST(BadFile, CannotSwallowSettingsByAnOpenQuote) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("name: \"x\nqueue: {shift: 1}\n", config),
              ElementsAre(HasSubstr("is not YAML")));
  EXPECT_THAT(YamlProblems("name: 'x\nqueue: {shift: 1}", config),
              ElementsAre(HasSubstr("is not YAML")));
}

TEST(BadFile, MayEndItsDocumentItself) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("---\nname: x\n...\n", config), IsEmpty());
  EXPECT_THAT(YamlProblems("name: |\n  a\n  b", config), IsEmpty());
  EXPECT_EQ(config.name(), "a\nb\n");
}

TEST(BadFile, CannotNestWithoutEnd) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("models: " + std::string(100'000, '['), config), SizeIs(1));
  std::string nested;
  for (int i = 0; i < 40; ++i) nested += "{inner: ";
  EXPECT_THAT(YamlProblems(nested + "{}" + std::string(40, '}'), config),
              ElementsAre(HasSubstr("is nested more than 32 deep")));
  EXPECT_THAT(YamlProblems("inner: &x {inner: *x}\n", config), SizeIs(1));
}

TEST(BadFile, CannotGrowByAliases) {
  // 1,000 lists of 1,000 values each, in a few kilobytes.
  std::string text = "models: [{aliases: &list [";
  for (int i = 0; i < 1000; ++i) text += "x,";
  text += "]}";
  for (int i = 0; i < 1000; ++i) text += ", {aliases: *list}";
  text += "]\n";
  TestingConfig config;

  EXPECT_THAT(YamlProblems(text, config), ElementsAre(HasSubstr("has more than 100000 values")));
}

TEST(BadFile, ReportsAtMostFiftyProblems) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "wrong" + std::to_string(i) + ": 1\n";
  TestingConfig config;

  const auto problems = YamlProblems(text, config);

  ASSERT_THAT(problems, SizeIs(51));
  EXPECT_EQ(problems.back(), "and 150 more");
}

TEST(BadFile, CannotPutControlCharactersOnTheTerminal) {
  TestingConfig config;
  const auto problems = YamlProblems("\"a\\e[2J\\nb\": 1\nqueue: {shift: \"\\e[31m\"}\n", config);
  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_THAT(problems[0] + problems[1], Not(HasSubstr("\x1b")));
}

// Any text either loads or is reported; the seed is fixed, so that a failure can be repeated.
TEST(BadFile, NeverCrashesTheLoader) {
  std::mt19937 random(20'240'501);  // NOLINT(cert-msc51-cpp): the same texts each time
  constexpr std::string_view kBytes =
      "{}[]:,-&*!|>'\"%@#?\n\t \\x\0\xff"
      "09azname: queue";
  for (int round = 0; round < 3000; ++round) {
    std::string text(kGood);
    const auto edits = 1 + random() % 6;
    for (unsigned i = 0; i < edits; ++i) {
      const auto at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.erase(at, random() % 8);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 12));
          break;
      }
      if (text.empty()) text = "-";
    }
    TestingConfig config;
    const auto problems = YamlProblems(text, config);
    for (const std::string& problem : problems) EXPECT_THAT(problem, Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace chasqui::config
