// SPDX-License-Identifier: Apache-2.0
#include "common/inference/validate.h"

#include <string>
#include <vector>

#include <google/protobuf/text_format.h>

#include "common/inference/violations.h"
#include "common/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace chasqui::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::GenerateRequest Generate(const std::string& text) {
  v1::GenerateRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const auto& violation : status::FieldViolations(status)) fields.push_back(violation.field);
  return fields;
}

TEST(ValidateGenerate, AcceptsEveryKindOfInput) {
  for (const auto* text : {
           "prompt: 'Once'",
           "tokens { ids: 1 }",
           "chat { messages { role: ROLE_USER parts { text: 'Hello' } } }",
           "prompt: 'x' sampling { temperature: 0 } stop { max_tokens: 5 strings: 'END' }",
           "prompt: 'x' output_format { grammar: 'root ::= \"a\"' }",
           "prompt: 'x' cache_policy { mode: MODE_BYPASS } priority: PRIORITY_HIGH n: 1",
           "prompt: 'x' context_policy { reserve: RESERVE_AGGRESSIVE }",
           "prompt: 'x' lora_adapters { name: 'a' } lora_adapters { name: 'b' scale: -8 }",
           "chat { messages { role: ROLE_USER parts { text: 'x' } } }"
           " context_policy { overflow: OVERFLOW_TRUNCATE_OLDEST }",
           "chat { messages { role: ROLE_USER name: 'Ann' parts { text: 'x' } }"
           " messages { role: ROLE_ASSISTANT tool_calls { id: 'c' name: 'f' } }"
           " messages { role: ROLE_TOOL tool_call_id: 'c' name: 'f' parts { text: '3' } }"
           " tools { name: 'f' parameters_json_schema: '{\"type\": \"object\"}' } tools { name: "
           "'g' }"
           " tool_choice { name: 'g' } reasoning: REASONING_MODE_SEPARATE }",
       }) {
    EXPECT_TRUE(Validate(Generate(text)).ok()) << text << ": " << Validate(Generate(text));
  }
}

struct Case {
  const char* request;
  const char* field;
  const char* description;
};

class WrongField : public ::testing::TestWithParam<Case> {};

TEST_P(WrongField, IsNamedWithItsLimit) {
  const auto error = Validate(Generate(GetParam().request));

  const auto violations = status::FieldViolations(error);
  ASSERT_EQ(violations.size(), 1u) << error;
  EXPECT_EQ(violations[0].field, GetParam().field);
  EXPECT_THAT(violations[0].description, HasSubstr(GetParam().description));
}

INSTANTIATE_TEST_SUITE_P(
    ValidateGenerate, WrongField,
    ::testing::Values(
        Case{"prompt: 'x' lora_adapters {}", "lora_adapters[0].name", "must not be empty"},
        Case{"prompt: 'x' lora_adapters { name: 'a' } lora_adapters { name: 'a' scale: 2 }",
             "lora_adapters[1].name", "is there twice: a"},
        Case{"prompt: 'x' lora_adapters { name: 'a' scale: 8.5 }", "lora_adapters[0].scale",
             "must be -8 to 8, is 8.5"},
        Case{"prompt: 'x' lora_adapters { name: 'a' scale: -inf }", "lora_adapters[0].scale",
             "must be -8 to 8"},
        Case{"prompt: 'x' lora_adapters { name: 'a' scale: nan }", "lora_adapters[0].scale",
             "must be -8 to 8"},
        Case{"", "input", "must be set"}, Case{"prompt: ''", "prompt", "must not be empty"},
        Case{"request_id: 'a b' prompt: 'x'", "request_id", "128 characters"},
        Case{"tokens {}", "tokens.ids", "at least one"},
        Case{"chat {}", "chat.messages", "at least one"},
        Case{"chat { messages { parts { text: 'x' } } }", "chat.messages[0].role", "ROLE_USER"},
        Case{"chat { messages { role: ROLE_USER } }", "chat.messages[0].parts", "at least one"},
        Case{"chat { messages { role: ROLE_USER parts {} } }", "chat.messages[0].parts[0]",
             "must have text"},
        Case{"prompt: 'x' sampling { temperature: -0.5 }", "sampling.temperature",
             "must be 0 to 10, is -0.5"},
        Case{"prompt: 'x' sampling { temperature: nan }", "sampling.temperature", "0 to 10"},
        Case{"prompt: 'x' sampling { top_p: 0 }", "sampling.top_p", "above 0"},
        Case{"prompt: 'x' sampling { top_p: 1.5 }", "sampling.top_p", "is 1.5"},
        Case{"prompt: 'x' sampling { top_k: 1001 }", "sampling.top_k", "at most 1000"},
        Case{"prompt: 'x' sampling { logit_bias { key: 7 value: inf } }", "sampling.logit_bias[7]",
             "-100 to 100"},
        Case{"prompt: 'x' sampling { penalties { repeat: 0 } }", "sampling.penalties.repeat",
             "above 0"},
        Case{"prompt: 'x' sampling { dry { base: 0.5 } }", "sampling.dry.base", "1 to 10"},
        Case{"prompt: 'x' sampling { xtc { probability: 2 } }", "sampling.xtc.probability",
             "0 to 1"},
        Case{"prompt: 'x' sampling { mirostat { eta: 0 } }", "sampling.mirostat.eta", "above 0"},
        Case{"prompt: 'x' stop { strings: '' }", "stop.strings[0]", "must not be empty"},
        Case{"prompt: 'x' stop { max_tokens: 2 min_tokens: 3 }", "stop.min_tokens", "(2), is 3"},
        Case{"prompt: 'x' stop { max_time {} }", "stop.max_time", "above 0"},
        Case{"prompt: 'x' priority: 7", "priority", "value of Priority, is 7"},
        Case{"prompt: 'x' context_policy { overflow: OVERFLOW_TRUNCATE_OLDEST }",
             "context_policy.overflow", "chats only"}));

// The chat of a message of the user, with more of it.
std::string ChatWith(const std::string& more) {
  return "chat { messages { role: ROLE_USER parts { text: 'x' } } " + more + " }";
}

TEST(ValidateGenerate, NamesWhatIsWrongWithToolsAndTheirCalls) {
  const struct {
    std::string more;
    const char* field;
    const char* description;
  } kCases[] = {
      {"tools { name: 'a b' }", "chat.tools[0].name", "[A-Za-z0-9_-]"},
      {"tools {}", "chat.tools[0].name", "1 to 64"},
      {"tools { name: 'f' } tools { name: 'f' }", "chat.tools[1].name", "twice"},
      {"tools { name: 'f' parameters_json_schema: '[1]' }", "chat.tools[0].parameters_json_schema",
       "JSON object"},
      {"tools { name: 'f' parameters_json_schema: '{' }", "chat.tools[0].parameters_json_schema",
       "JSON object"},
      {"tools { name: 'f' parameters_json_schema: '{\"a\": " + std::string(100, '[') +
           std::string(100, ']') + "}' }",
       "chat.tools[0].parameters_json_schema", "levels"},
      {"tool_choice { name: 'f' }", "chat.tool_choice.name", "one of the tools"},
      {"tools { name: 'f' } tool_choice { mode: MODE_NONE name: 'f' }", "chat.tool_choice.name",
       "must be empty"},
      {"reasoning: 9", "chat.reasoning", "ReasoningMode"},
      {"messages { role: ROLE_USER tool_calls { name: 'f' } }", "chat.messages[1].tool_calls",
       "ROLE_ASSISTANT only"},
      {"messages { role: ROLE_ASSISTANT tool_calls { name: '' } }",
       "chat.messages[1].tool_calls[0].name", "1 to 64"},
      {"messages { role: ROLE_ASSISTANT tool_calls { name: 'f' arguments_json: '1' } }",
       "chat.messages[1].tool_calls[0].arguments_json", "JSON object"},
      {"messages { role: ROLE_USER tool_call_id: 'c' parts { text: 'x' } }",
       "chat.messages[1].tool_call_id", "ROLE_TOOL only"},
      {"messages { role: ROLE_USER name: '" + std::string(65, 'n') + "' parts { text: 'x' } }",
       "chat.messages[1].name", "at most 64"},
  };
  for (const auto& c : kCases) {
    const auto violations = status::FieldViolations(Validate(Generate(ChatWith(c.more))));
    ASSERT_EQ(violations.size(), 1u) << c.more;
    EXPECT_EQ(violations[0].field, c.field);
    EXPECT_THAT(violations[0].description, HasSubstr(c.description));
  }
}

TEST(ValidateGenerate, BoundsHowManyToolsThereAre) {
  auto request = Generate(ChatWith(""));
  for (int i = 0; i < 129; ++i)
    request.mutable_chat()->add_tools()->set_name("f" + std::to_string(i));

  EXPECT_THAT(Fields(Validate(request)), ElementsAre("chat.tools"));
}

class UnimplementedField : public ::testing::TestWithParam<Case> {};

TEST_P(UnimplementedField, IsRefusedByName) {
  const auto error = Validate(Generate(GetParam().request));

  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Fields(error), ElementsAre(GetParam().field));
  EXPECT_THAT(error.message(), HasSubstr(GetParam().description));
}

INSTANTIATE_TEST_SUITE_P(
    ValidateGenerate, UnimplementedField,
    ::testing::Values(
        Case{"prompt: 'x' logprobs { prompt: true }", "logprobs.prompt", "not implemented"},
        Case{"prompt: 'x' conversation_id: 'c'", "conversation_id", "not implemented"},
        Case{"chat { messages { role: ROLE_USER parts { text: 'x' } }"
             " tool_choice { mode: MODE_REQUIRED } }",
             "chat.tool_choice.mode", "at least one tool"},
        Case{"chat { messages { role: ROLE_USER parts { text: 'x' } } tools { name: 'f' }"
             " tool_choice { mode: MODE_REQUIRED } add_generation_prompt: false }",
             "chat.tool_choice.mode", "add_generation_prompt"},
        Case{"chat { messages { role: ROLE_USER parts { text: 'x' } } tools { name: 'f' }"
             " tool_choice { mode: MODE_REQUIRED } } output_format { json_object: true }",
             "output_format", "must be unset"},
        Case{"chat { messages { role: ROLE_USER parts { image {} } } }",
             "chat.messages[0].parts[0].image", "not implemented"},
        Case{"prompt: 'x' cache_policy { ttl { nanos: 5 } }", "cache_policy.ttl", "1 s"},
        Case{"prompt: 'x' cache_policy { ttl { seconds: 315360001 } }", "cache_policy.ttl",
             "315360001"},
        Case{"prompt: 'x' cache_policy { tags: 'a' tags: '' }", "cache_policy.tags[1]", "empty"},
        Case{"prompt: 'x' cache_policy { mode: 9 }", "cache_policy.mode", "is 9"},
        Case{"prompt: 'x' cache_policy { replay_tokens_per_second: 1000001 }",
             "cache_policy.replay_tokens_per_second", "1000000"}));

// The most that each kind of output format may be, and one more.
TEST(ValidateGenerate, BoundsOutputFormats) {
  using Format = v1::OutputFormat;
  constexpr std::size_t kKiB = 1024;
  const struct {
    std::size_t most;
    std::string field;
    void (*set)(Format&, std::size_t);
  } kCases[] = {
      {256 * kKiB, "output_format.grammar",
       [](Format& format, std::size_t size) { format.set_grammar(std::string(size, 'x')); }},
      {256 * kKiB, "output_format.json_schema",
       [](Format& format, std::size_t size) { format.set_json_schema(std::string(size, ' ')); }},
      {16 * kKiB, "output_format.regex",
       [](Format& format, std::size_t size) { format.set_regex(std::string(size, 'x')); }},
      {256, "output_format.choice.choices",
       [](Format& format, std::size_t size) {
         for (std::size_t i = 0; i < size; ++i) format.mutable_choice()->add_choices("x");
       }},
      {1024, "output_format.choice.choices[0]",
       [](Format& format, std::size_t size) {
         format.mutable_choice()->add_choices(std::string(size, 'x'));
       }},
  };
  for (const auto& [most, field, set] : kCases) {
    auto request = Generate("prompt: 'x'");
    set(*request.mutable_output_format(), most);
    EXPECT_TRUE(Validate(request).ok()) << field << Validate(request);
    request.clear_output_format();
    set(*request.mutable_output_format(), most + 1);
    const auto refused = Validate(request);
    EXPECT_THAT(Fields(refused), ElementsAre(field));
    EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("at most ", most))) << field;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("is ", most + 1))) << field;
  }
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' output_format { grammar: '' }"))),
              ElementsAre("output_format.grammar"));
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' output_format { choice {} }"))),
              ElementsAre("output_format.choice.choices"));
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' output_format { choice { choices: '' } }"))),
              ElementsAre("output_format.choice.choices[0]"));
}

TEST(ValidateGenerate, BoundsWhatAModelMustBeGoodFor) {
  EXPECT_TRUE(Validate(Generate("prompt: 'x' model_requirements { profile: 'chat' "
                                "min_context_tokens: 9 speed_weight: 1 quality_weight: 0.5 }"))
                  .ok());
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' model_requirements { speed_weight: 1.5 "
                                       "quality_weight: nan }"))),
              ElementsAre("model_requirements.speed_weight", "model_requirements.quality_weight"));
}

TEST(ValidateGenerate, LeavesTheChoiceOfAModelToRouters) {
  EXPECT_TRUE(CheckForWorker(Generate("prompt: 'x' model: 'tiny'")).ok());
  EXPECT_TRUE(CheckForWorker(Generate("prompt: 'x' cache_policy { tags: 'a' }")).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      CheckForWorker(Generate("prompt: 'x' cache_policy { mode: MODE_REQUIRE }"))));
  EXPECT_THAT(Fields(CheckForWorker(Generate("prompt: 'x' model_requirements {}"))),
              ElementsAre("model_requirements"));
}

TEST(ValidateGenerate, TakesSeveralAnswersTheirLogprobsAndAShift) {
  EXPECT_TRUE(Validate(Generate("prompt: 'x' n: 16 logprobs { top: 20 } context_policy { "
                                "overflow: OVERFLOW_SHIFT keep_tokens: 9 }"))
                  .ok());
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' logprobs { top: 21 }"))),
              ElementsAre("logprobs.top"));
  EXPECT_THAT(Fields(Validate(Generate("prompt: 'x' context_policy { keep_tokens: 9 }"))),
              ElementsAre("context_policy.keep_tokens"));
}

TEST(ValidateGenerate, TakesEightAdaptersAtTheMost) {
  auto request = Generate("prompt: 'x'");
  for (int i = 0; i < 8; ++i) request.add_lora_adapters()->set_name("a" + std::to_string(i));
  EXPECT_TRUE(Validate(request).ok());

  request.add_lora_adapters();  // not looked at
  EXPECT_THAT(Fields(Validate(request)), ElementsAre("lora_adapters"));

  request.mutable_lora_adapters()->DeleteSubrange(1, 8);
  request.mutable_lora_adapters(0)->set_name(std::string(129, 'x'));
  EXPECT_THAT(Fields(Validate(request)), ElementsAre("lora_adapters[0].name"));
}

TEST(ValidateGenerate, WantsEachCandidateToBeResumedOnce) {
  EXPECT_TRUE(Validate(Generate("prompt: 'x' n: 2 resume { candidates { index: 1 token_ids: 5 } "
                                "candidates { token_ids: 6 } }"))
                  .ok());
  EXPECT_THAT(
      Fields(Validate(Generate("prompt: 'x' n: 2 resume { candidates { index: 2 } "
                               "candidates { index: 1 } candidates { index: 1 } }"))),
      ElementsAre("resume.candidates", "resume.candidates[0].index", "resume.candidates[2].index"));
}

TEST(ValidateGenerate, ReportsAllViolationsAtOnce) {
  const auto error = Validate(
      Generate("prompt: 'x' n: 17 sampling { temperature: 11 top_p: 2 } stop { strings: '' }"));

  EXPECT_THAT(Fields(error),
              ElementsAre("sampling.temperature", "sampling.top_p", "stop.strings[0]", "n"));
}

TEST(ValidateGenerate, BoundsTheReport) {
  auto request = Generate("chat { }");
  for (int i = 0; i < 500; ++i) request.mutable_chat()->add_messages();

  EXPECT_EQ(Fields(Validate(request)).size(), Violations::kMaxViolations);
}

TEST(ValidateText, NamesWhatIsWrong) {
  v1::EmbedRequest embed;
  EXPECT_THAT(Fields(Validate(embed)), ElementsAre("inputs"));
  embed.add_inputs();
  EXPECT_THAT(Fields(Validate(embed)), ElementsAre("inputs[0]"));
  embed.mutable_inputs(0)->set_text("x");
  EXPECT_THAT(Fields(Validate(embed)), IsEmpty());

  v1::RerankRequest rerank;
  EXPECT_THAT(Fields(Validate(rerank)), ElementsAre("query", "documents"));
  rerank.set_query("q");
  rerank.add_documents("");  // of no use, and no mistake
  rerank.add_documents(std::string((4 << 20) + 1, 'x'));
  EXPECT_THAT(Fields(Validate(rerank)), ElementsAre("documents[1]"));

  v1::TokenizeRequest tokenize;
  tokenize.set_model(std::string(129, 'm'));
  EXPECT_THAT(Fields(Validate(tokenize)), ElementsAre("model"));
}

TEST(IsRequestId, TakesOnlyPlainCharacters) {
  EXPECT_TRUE(IsRequestId("a-B.9_:"));
  EXPECT_TRUE(IsRequestId(std::string(128, 'x')));
  EXPECT_FALSE(IsRequestId(""));
  EXPECT_FALSE(IsRequestId(std::string(129, 'x')));
  EXPECT_FALSE(IsRequestId("a/b"));
  EXPECT_FALSE(IsRequestId("\xc3\xa9"));
}

}  // namespace
}  // namespace chasqui::inference
