// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/tool_grammar.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "gmock/gmock.h"
#include "services/inference-worker/chat/answer_parser.h"
#include "tests/unit/services/inference-worker/format/format_matcher.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::HasSubstr;

v1::ChatInput WithTools(const std::string& named = "") {
  v1::ChatInput chat;
  auto& add = *chat.add_tools();
  add.set_name("add");
  add.set_parameters_json_schema(
      R"({"properties":{"a":{"type":"integer"},"b":{"$ref":"#/$defs/b"}},"required":["a","b"],
          "$defs":{"b":{"type":"boolean"}}})");
  chat.add_tools()->set_name("stop");
  auto& same = *chat.add_tools();
  same.set_name("same-refs");
  same.set_parameters_json_schema(
      R"({"type":"object","properties":{"b":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":"null"}}})");
  chat.mutable_tool_choice()->set_mode(v1::ToolChoice::MODE_REQUIRED);
  chat.mutable_tool_choice()->set_name(named);
  return chat;
}

bool Follows(const v1::ChatInput& chat, const ChatFormat& format, std::string_view text) {
  v1::OutputFormat grammar;
  const auto gbnf = ToolCallGrammar(chat, format);
  EXPECT_TRUE(gbnf.ok()) << gbnf.status();
  if (gbnf.ok()) grammar.set_grammar(*gbnf);
  return Accepts(grammar, text);
}

std::size_t CallsIn(const ChatFormat& format, std::string_view text) {
  AnswerParser parser({.format = format, .tools = {"add", "stop", "same-refs"}});
  AnswerParts parts;
  parser.Push(text, parts);
  parser.Finish(parts);
  EXPECT_EQ(parts.text, "") << text;
  EXPECT_TRUE(parser.ends_in_calls()) << text;
  return parts.calls.size();
}

struct FamilyCase {
  std::string chat_template;
  std::vector<std::string> one;   // texts of one call of "add"
  std::vector<std::string> more;  // of several calls
  std::vector<std::string> none;
};

class FamilyGrammars : public testing::TestWithParam<FamilyCase> {};

TEST_P(FamilyGrammars, AreOfWhatTheParserReads) {
  const ChatFormat format = FormatOf(GetParam().chat_template);
  for (const auto& text : GetParam().one) {
    EXPECT_TRUE(Follows(WithTools(), format, text)) << text;
    EXPECT_TRUE(Follows(WithTools("add"), format, text)) << text;
    EXPECT_FALSE(Follows(WithTools("stop"), format, text)) << text;
    EXPECT_EQ(CallsIn(format, text), 1) << text;
  }
  for (const auto& text : GetParam().more) {
    EXPECT_TRUE(Follows(WithTools(), format, text)) << text;
    EXPECT_FALSE(Follows(WithTools("add"), format, text)) << text;
    EXPECT_GT(CallsIn(format, text), 1) << text;
  }
  for (const auto& text : GetParam().none) {
    EXPECT_FALSE(Follows(WithTools(), format, text)) << text;
    EXPECT_FALSE(Follows(WithTools("add"), format, text)) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, FamilyGrammars,
    testing::Values(
        FamilyCase{"<|im_start|>",
                   {"<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\":1,\"b\":true}}\n"
                    "</tool_call>"},
                   {"<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>\n"
                    "<tool_call>\n{\"name\": \"same-refs\", \"arguments\": {\"b\":null}}\n"
                    "</tool_call>"},
                   {"", "No.", "{\"name\": \"add\", \"arguments\": {\"a\":1,\"b\":true}}",
                    "<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}\n</tool_call>",
                    "<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>"}},
        FamilyCase{"<|start_header_id|>",
                   {R"({"name": "add", "parameters": {"a": -5, "b": false}})"},
                   {},
                   {R"([{"name": "add", "parameters": {"a":1,"b":true}}])",
                    R"({"name": "add", "arguments": {"a":1,"b":true}})"}},
        FamilyCase{"[TOOL_CALLS]",
                   {R"([TOOL_CALLS] [{"name": "add", "arguments": {"a":1,"b":true}}])",
                    R"([TOOL_CALLS][{"name": "add", "arguments": {"a":1,"b":true}}])"},
                   {R"([TOOL_CALLS] [{"name": "stop", "arguments": {}}, )"
                    R"({"name": "stop", "arguments": {}}])"},
                   {"[TOOL_CALLS] []", R"({"name": "add", "arguments": {"a":1,"b":true}})"}},
        FamilyCase{"<start_of_turn>",
                   {R"({"name": "add", "arguments": {"a":1,"b":true}})"},
                   {R"([{"name": "stop", "arguments": {}}, {"name": "stop", "arguments": {}}])"},
                   {"[]", R"({"name": "add", "arguments": {"a":1,"b":null}})"}}));

TEST(ToolGrammar, BoundsTheCalls) {
  const ChatFormat format = FormatOf("<start_of_turn>");
  const auto calls = [](int count) {
    std::string text = "[";
    for (int i = 0; i < count; ++i)
      text += std::string(i > 0 ? ", " : "") + R"({"name": "stop", "arguments": {}})";
    return text + "]";
  };
  EXPECT_TRUE(Follows(WithTools(), format, calls(kMostRequiredCalls)));
  EXPECT_FALSE(Follows(WithTools(), format, calls(kMostRequiredCalls + 1)));
}

TEST(ToolGrammar, RefusesArgumentsThatItCannotHoldTo) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"array"})", "objects only"},
      {R"({"type":["object","null"]})", "objects only"},
      {R"({"anyOf":[{"type":"object"},{"type":"string"}]})", "objects only"},
      {R"({"enum":[{},1]})", "objects only"},
      {R"({"properties":{"a":{"uniqueItems":true}}})", "/properties/a: \"uniqueItems\""}};
  for (const auto& [schema, why] : cases) {
    auto chat = WithTools();
    chat.mutable_tools(2)->set_parameters_json_schema(schema);
    const auto status = ToolCallGrammar(chat, ChatFormat()).status();
    ASSERT_EQ(status::FieldViolations(status).size(), 1) << schema << status;
    EXPECT_EQ(status::FieldViolations(status)[0].field, "chat.tools[2].parameters_json_schema");
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << schema;
  }
  // What is not offered need not be held to.
  auto chat = WithTools("add");
  chat.mutable_tools(2)->set_parameters_json_schema(R"({"type":"array"})");
  EXPECT_TRUE(ToolCallGrammar(chat, ChatFormat()).ok());
}

TEST(ToolGrammar, TakesSchemasOfObjectsHoweverTheySaySo) {
  for (const char* schema :
       {"{}", R"({"description":"none"})", R"({"additionalProperties":{"type":"null"}})",
        R"({"$ref":"#/$defs/o","$defs":{"o":{"type":"object"}}})",
        R"({"oneOf":[{"type":"object","properties":{"k":{"const":1}},"required":["k"]},
                     {"type":"object","properties":{"k":{"const":2}},"required":["k"]}]})"}) {
    auto chat = WithTools();
    chat.mutable_tools(2)->set_parameters_json_schema(schema);
    EXPECT_TRUE(ToolCallGrammar(chat, ChatFormat()).ok())
        << schema << ToolCallGrammar(chat, ChatFormat()).status();
  }
}

}  // namespace
}  // namespace chasqui::worker
