// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/answer_parser.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace chasqui::worker {
namespace {

AnswerSyntax Syntax(ChatFormat format, bool apart = true) {
  return {.format = format, .reasoning_apart = apart, .tools = {"weather", "time"}};
}
AnswerSyntax Hermes() { return Syntax(FormatOf("<|im_start|><tool_call>")); }
AnswerSyntax Inline() { return Syntax(FormatOf("<|im_start|><tool_call>"), false); }
AnswerSyntax Mistral() { return Syntax(FormatOf("[INST][TOOL_CALLS]")); }
AnswerSyntax Generic() { return Syntax(FormatOf("")); }
AnswerSyntax NoTools() {
  AnswerSyntax syntax = Hermes();
  syntax.tools.clear();
  return syntax;
}

const WrittenCall kWeather{"weather", R"({"city":"Cusco"})"};
const WrittenCall kTime{"time", "{}"};
constexpr char kWeatherJson[] = R"({"name": "weather", "arguments": {"city": "Cusco"}})";

std::string Marked(const std::string& json) { return "<tool_call>\n" + json + "\n</tool_call>"; }

struct Case {
  const char* what;
  AnswerSyntax syntax;
  std::string answer;
  AnswerParts parts;
  bool ends_in_calls = false;
};

std::vector<Case> Cases() {
  const std::string weather = kWeatherJson;
  const std::string time = R"({"name": "time"})";
  const std::string parameters = R"({"name": "weather", "parameters": {"city": "Cusco"}})";
  const std::string tricky = R"({"name": "weather", "arguments": {"city": "a\"}</tool_call>{\\"}})";
  return {
      {"nothing", Hermes(), "", {}},
      {"text", Hermes(), "  Hello <b>you</b> <tool \n", {"", "  Hello <b>you</b> <tool \n", {}}},
      {"white space alone", Hermes(), " \n ", {"", " \n ", {}}},
      {"reasoning and text",
       Hermes(),
       "\n<think>\nLet me see.\n\n</think>\n\nYes.\n",
       {"Let me see.", "Yes.\n", {}}},
      {"reasoning that does not end", Hermes(), "<think>Let me </thi \n", {"Let me </thi", "", {}}},
      {"empty reasoning", Hermes(), "<think>\n\n</think>\n\nYes.", {"", "Yes.", {}}},
      {"reasoning later on",
       Hermes(),
       "Yes. <think>no</think>",
       {"", "Yes. <think>no</think>", {}}},
      {"reasoning left in the text",
       Inline(),
       "<think>\n<tool_call>{}</think>\n\nYes.",
       {"", "<think>\n<tool_call>{}</think>\n\nYes.", {}}},
      {"no call within reasoning",
       Hermes(),
       "<think>" + Marked(weather) + "</think>Yes.",
       {Marked(weather), "Yes.", {}}},
      {"a call", Hermes(), Marked(weather), {"", "", {kWeather}}, true},
      {"a call after reasoning and text",
       Hermes(),
       "<think>Hm.</think>I ask.\n" + Marked(weather) + "\n",
       {"Hm.", "I ask.\n", {kWeather}},
       true},
      {"a call after reasoning that is left",
       Inline(),
       "<think>Hm.</think>\n" + Marked(time),
       {"", "<think>Hm.</think>\n", {kTime}},
       true},
      {"two calls",
       Hermes(),
       Marked(weather) + "\n" + Marked(time),
       {"", "", {kWeather, kTime}},
       true},
      {"two calls in an array",
       Hermes(),
       Marked("[" + weather + "," + time + "]"),
       {"", "", {kWeather, kTime}},
       true},
      {"text after a call", Hermes(), Marked(weather) + "\nDone.", {"", "\nDone.", {kWeather}}},
      {"brackets and markers in strings",
       Hermes(),
       Marked(tricky),
       {"", "", {{"weather", R"({"city":"a\"}</tool_call>{\\"})"}}},
       true},
      {"a call whose marker is cut off",
       Hermes(),
       "<tool_call>" + weather + "\n</tool_",
       {"", "", {kWeather}},
       true},
      {"a call that is cut off",
       Hermes(),
       "<tool_call>{\"name\": \"wea",
       {"", "<tool_call>{\"name\": \"wea", {}}},
      {"a marker alone", Hermes(), "Say <tool_call>", {"", "Say <tool_call>", {}}},
      {"a marker before another",
       Hermes(),
       "<tool_call>" + Marked(time),
       {"", "<tool_call>", {kTime}},
       true},
      {"an unknown tool",
       Hermes(),
       Marked(R"({"name": "rm"})"),
       {"", Marked(R"({"name": "rm"})"), {}}},
      {"arguments that are no object",
       Hermes(),
       Marked(R"({"name": "time", "arguments": 3})"),
       {"", Marked(R"({"name": "time", "arguments": 3})"), {}}},
      {"broken JSON", Hermes(), Marked("{name}") + "x", {"", Marked("{name}") + "x", {}}},
      {"no end marker where one must be",
       Hermes(),
       "<tool_call>" + time + " so",
       {"", "<tool_call>" + time + " so", {}}},
      {"JSON without a marker", Hermes(), weather, {"", weather, {}}},
      {"markers where there are no tools", NoTools(), Marked(time), {"", Marked(time), {}}},
      {"a marked call of Mistral",
       Mistral(),
       "[TOOL_CALLS] [" + weather + "]",
       {"", "", {kWeather}},
       true},
      {"a call of Mistral without its marker",
       Mistral(),
       " [" + weather + ", " + time + "]",
       {"", "", {kWeather, kTime}},
       true},
      {"a call of Mistral after text",
       Mistral(),
       "Sure[TOOL_CALLS][" + time + "]",
       {"", "Sure", {kTime}},
       true},
      {"a list of Mistral", Mistral(), "[TOOLS] are [1]", {"", "[TOOLS] are [1]", {}}},
      {"an object as the answer", Generic(), weather, {"", "", {kWeather}}, true},
      {"parameters", Generic(), "\n" + parameters, {"", "", {kWeather}}, true},
      {"objects one after the other",
       Generic(),
       weather + "\n" + time,
       {"", "", {kWeather, kTime}},
       true},
      {"an object after reasoning",
       Generic(),
       "<think>Hm.</think>\n\n" + weather,
       {"Hm.", "", {kWeather}},
       true},
      {"JSON that is no call", Generic(), R"({"a": [1, 2]} x)", {"", R"({"a": [1, 2]} x)", {}}},
      {"an object after text", Generic(), "So: " + weather, {"", "So: " + weather, {}}},
      {"too deep", Generic(), std::string(100, '['), {"", std::string(100, '['), {}}},
  };
}

AnswerParts Parse(AnswerParser& parser, const std::vector<std::string>& pieces) {
  AnswerParts parts;
  for (const auto& piece : pieces) parser.Push(piece, parts);
  parser.Finish(parts);
  return parts;
}

// `text` cut at random.
std::vector<std::string> Cut(const std::string& text, std::mt19937& random) {
  std::vector<std::string> pieces(1);
  for (const char byte : text) {
    if (random() % 4 == 0) pieces.emplace_back();
    pieces.back().push_back(byte);
  }
  return pieces;
}

TEST(AnswerParser, TellsThePartsApart) {
  for (const Case& c : Cases()) {
    AnswerParser parser(c.syntax);

    EXPECT_EQ(Parse(parser, {c.answer}), c.parts) << c.what;
    EXPECT_EQ(parser.ends_in_calls(), c.ends_in_calls) << c.what;
  }
}

TEST(AnswerParser, DoesNotDependOnHowTheTextIsCut) {
  std::mt19937 random(7);
  for (const Case& c : Cases()) {
    for (std::size_t cut = 0; cut <= c.answer.size(); ++cut) {
      AnswerParser parser(c.syntax);
      EXPECT_EQ(Parse(parser, {c.answer.substr(0, cut), c.answer.substr(cut)}), c.parts)
          << c.what << " cut at " << cut;
    }
    std::vector<std::string> bytes;
    for (const char byte : c.answer) bytes.emplace_back(1, byte);
    AnswerParser by_byte(c.syntax);
    EXPECT_EQ(Parse(by_byte, bytes), c.parts) << c.what << " byte by byte";
    for (int round = 0; round < 50; ++round) {
      AnswerParser parser(c.syntax);
      EXPECT_EQ(Parse(parser, Cut(c.answer, random)), c.parts) << c.what << " round " << round;
    }
  }
}

// Answers nobody thought of: pieces of markers and JSON in any order.
TEST(AnswerParser, DoesNotDependOnTheCutForAnyAnswer) {
  const std::vector<std::string> fragments = {"<think>",
                                              "</think>",
                                              "<tool_call>",
                                              "</tool_call>",
                                              "[TOOL_CALLS]",
                                              "<",
                                              "</",
                                              "[",
                                              "]",
                                              "{",
                                              "}",
                                              "\"",
                                              "\\",
                                              "\n",
                                              " ",
                                              "x",
                                              kWeatherJson,
                                              Marked(kWeatherJson)};
  std::mt19937 random(11);
  for (const AnswerSyntax& syntax : {Hermes(), Inline(), Mistral(), Generic(), NoTools()}) {
    for (int round = 0; round < 2000; ++round) {
      std::string answer;
      for (std::size_t i = random() % 8; i > 0; --i)
        answer += fragments[random() % fragments.size()];
      AnswerParser whole(syntax);
      const AnswerParts parts = Parse(whole, {answer});
      AnswerParser cut(syntax);

      ASSERT_EQ(Parse(cut, Cut(answer, random)), parts) << absl::CEscape(answer);
      ASSERT_EQ(cut.ends_in_calls(), whole.ends_in_calls()) << absl::CEscape(answer);
    }
  }
}

TEST(AnswerParser, StreamsTextAtOnce) {
  AnswerParser parser(Hermes());
  AnswerParts parts;

  parser.Push("Hel", parts);
  EXPECT_EQ(parts.text, "Hel");
  parser.Push("lo <to", parts);
  EXPECT_EQ(parts.text, "Hello ");
  EXPECT_TRUE(parser.holds());
  parser.Push("ast", parts);
  EXPECT_EQ(parts.text, "Hello <toast");
  EXPECT_FALSE(parser.holds());
}

TEST(AnswerParser, StreamsReasoningAtOnce) {
  AnswerParser parser(Hermes());
  AnswerParts parts;

  parser.Push("<thi", parts);
  EXPECT_TRUE(parser.at_start());
  parser.Push("nk>\nHm", parts);

  EXPECT_TRUE(parser.in_reasoning());
  EXPECT_EQ(parts.reasoning, "Hm");
  EXPECT_EQ(parts.text, "");
}

}  // namespace
}  // namespace chasqui::worker
