// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"
#include "tests/support/inference-worker/tiny_variant.h"

// Chats with models of each family: calls that must be made, and markers that are control tokens.
namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::vector<TinyVariant>& Families() {
  static const auto& families = *new std::vector<TinyVariant>{
      {.name = "generic", .chat_template = "<start_of_turn>"},
      {.name = "hermes", .chat_template = "<|im_start|> <tool_call>"},
      {.name = "hermes-control",
       .chat_template = "<|im_start|> <tool_call>",
       .control_tokens = {"<tool_call>", "</tool_call>"}},
      {.name = "llama3", .chat_template = "<|start_header_id|> <|end_header_id|>"},
      {.name = "mistral", .chat_template = "[INST] [AVAILABLE_TOOLS] [TOOL_CALLS]"},
      {.name = "mistral-control",
       .chat_template = "[INST] [AVAILABLE_TOOLS] [TOOL_CALLS]",
       .control_tokens = {"[TOOL_CALLS]"}}};
  return families;
}

class ChatFamilies : public WorkerFixture {
 protected:
  void StartFamily(const TinyVariant& family) {
    Config config = TestConfig();
    config.mutable_models(0)->set_path(TinyVariantPath(family));
    StartWorker(config);
  }

  std::vector<v1::StreamGenerateResponse> Events(const v1::GenerateRequest& request) {
    const auto stream = Stream(request);
    const auto status = stream->Wait();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return stream->events();
  }

  static v1::Completion Joined(const std::vector<v1::StreamGenerateResponse>& events) {
    v1::Completion joined;
    for (const auto& event : events) {
      joined.mutable_text()->append(event.chunk().text());
      joined.mutable_reasoning_text()->append(event.chunk().reasoning_text());
      joined.mutable_token_ids()->MergeFrom(event.chunk().token_ids());
      joined.mutable_tool_calls()->MergeFrom(event.chunk().tool_calls());
      if (event.has_finished())
        joined.set_finish_reason(event.finished().candidates(0).finish_reason());
    }
    return joined;
  }

  // The same answer, taken up after every third event.
  void ExpectResumable(const v1::GenerateRequest& request,
                       const std::vector<v1::StreamGenerateResponse>& events) {
    const std::string whole = Joined(events).SerializeAsString();
    for (std::size_t seen = 1; seen < events.size(); seen += 3) {
      std::vector<v1::StreamGenerateResponse> all(
          events.begin(), events.begin() + static_cast<std::ptrdiff_t>(seen));
      auto resumed = request;
      *resumed.mutable_resume()->add_candidates()->mutable_token_ids() = Joined(all).token_ids();
      resumed.mutable_resume()->set_next_sequence(seen);
      const auto rest = Events(resumed);
      all.insert(all.end(), rest.begin(), rest.end());
      EXPECT_EQ(Joined(all).SerializeAsString(), whole) << "after " << seen << " events";
    }
  }
};

constexpr char kWeather[] = R"({"properties": {
    "city": {"enum": ["Cusco", "Lima", "Quito"]},
    "days": {"type": "integer", "minimum": 1, "maximum": 14},
    "units": {"$ref": "#/$defs/units"}},
    "required": ["city", "days"], "$defs": {"units": {"enum": ["C", "F"]}}})";

class RequiredCalls : public ChatFamilies, public ::testing::WithParamInterface<TinyVariant> {
 protected:
  RequiredCalls() { StartFamily(GetParam()); }

  static v1::GenerateRequest MustCall(std::uint64_t seed, const std::string& name = "") {
    v1::GenerateRequest request = Chat("What is the weather in Cusco?");
    request.set_request_id("r1");
    request.mutable_sampling()->set_temperature(seed == 0 ? 0 : 1.3F);
    request.mutable_sampling()->set_seed(seed);
    request.mutable_stop()->set_max_tokens(0);  // whatever the context leaves
    auto& chat = *request.mutable_chat();
    auto& weather = *chat.add_tools();
    weather.set_name("weather");
    weather.set_parameters_json_schema(kWeather);
    chat.add_tools()->set_name("time");  // without arguments
    chat.mutable_tool_choice()->set_mode(v1::ToolChoice::MODE_REQUIRED);
    chat.mutable_tool_choice()->set_name(name);
    return request;
  }

  static void ExpectValid(const v1::ToolCall& call) {
    const Json arguments = Json::parse(call.arguments_json(), nullptr, false);
    ASSERT_TRUE(arguments.is_object()) << call.arguments_json();
    if (call.name() == "time") {
      EXPECT_TRUE(arguments.empty()) << arguments;
      return;
    }
    ASSERT_EQ(call.name(), "weather");
    EXPECT_THAT(arguments.value("city", ""), ::testing::AnyOf("Cusco", "Lima", "Quito"));
    ASSERT_TRUE(arguments.contains("days") && arguments["days"].is_number_integer()) << arguments;
    EXPECT_GE(arguments["days"], 1);
    EXPECT_LE(arguments["days"], 14);
    EXPECT_THAT(arguments.value("units", "C"), ::testing::AnyOf("C", "F"));
    EXPECT_EQ(arguments.size(), arguments.contains("units") ? 3 : 2);
  }
};

INSTANTIATE_TEST_SUITE_P(EachFamily, RequiredCalls, ::testing::ValuesIn(Families()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(RequiredCalls, AreMadeWithArgumentsThatConform) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto answer = Joined(Events(MustCall(seed)));

    EXPECT_EQ(answer.finish_reason(), v1::FINISH_REASON_TOOL_CALLS) << seed;
    EXPECT_EQ(answer.text(), "") << seed;
    EXPECT_GE(answer.tool_calls_size(), 1) << seed;
    EXPECT_LE(answer.tool_calls_size(), GetParam().name == "llama3" ? 1 : 16) << seed;
    for (const auto& call : answer.tool_calls()) ExpectValid(call);
  }
}

TEST_P(RequiredCalls, AreOneOfTheToolThatIsNamed) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (const char* name : {"weather", "time"}) {
      const auto answer = Joined(Events(MustCall(seed, name)));

      EXPECT_EQ(answer.finish_reason(), v1::FINISH_REASON_TOOL_CALLS) << seed;
      ASSERT_EQ(answer.tool_calls_size(), 1) << seed;
      EXPECT_EQ(answer.tool_calls(0).name(), name);
      ExpectValid(answer.tool_calls(0));
    }
  }
}

TEST_P(RequiredCalls, AreTakenUpWithinACall) {
  const auto request = MustCall(3, "weather");
  ExpectResumable(request, Events(request));
}

TEST_P(RequiredCalls, AreRefusedWithTheToolThatCannotBeHeldTo) {
  auto request = MustCall(0);
  request.mutable_chat()->mutable_tools(1)->set_parameters_json_schema(
      R"({"properties": {"a": {"not": {}}}})");

  const auto status = Generate(request);

  ASSERT_EQ(status::FieldViolations(status).size(), 1);
  EXPECT_EQ(status::FieldViolations(status)[0].field, "chat.tools[1].parameters_json_schema");
  EXPECT_THAT(std::string(status.message()), HasSubstr("/properties/a: the keyword \"not\""));
}

// A model whose markers of reasoning, or of calls, are control tokens.
class ControlMarkers : public ChatFamilies {
 protected:
  ControlMarkers() { StartFamily(variant_); }

  // An answer that begins with reasoning between the markers' tokens, then calls.
  v1::GenerateRequest Reasoning(v1::ReasoningMode mode) {
    v1::GenerateRequest request = Chat("What is the weather in Cusco?");
    request.set_request_id("r1");
    request.mutable_chat()->set_reasoning(mode);
    request.mutable_stop()->set_max_tokens(200);
    request.mutable_output_format()->set_grammar(
        absl::StrCat("root ::= ", Marker(0), R"( "I must ask." )", Marker(1), R"( "\n\nI ask. " )",
                     Marker(2), R"( "{\"name\": \"time\"}" )", Marker(3)));
    return request;
  }

  std::string Marker(std::size_t index) { return absl::StrCat("<[", variant_.Token(index), "]>"); }

  const TinyVariant variant_{
      .name = "reasoning",
      .chat_template = "<|im_start|> [THINK] [/THINK]",
      .control_tokens = {"[THINK]", "[/THINK]", "<tool_call>", "</tool_call>"}};
};

TEST_F(ControlMarkers, TellReasoningAndCallsApart) {
  auto request = Reasoning(v1::REASONING_MODE_SEPARATE);
  request.mutable_chat()->add_tools()->set_name("time");

  const auto events = Events(request);

  const auto answer = Joined(events);
  EXPECT_EQ(answer.reasoning_text(), "I must ask.");
  EXPECT_EQ(answer.text(), "I ask. ");
  ASSERT_EQ(answer.tool_calls_size(), 1);
  EXPECT_EQ(answer.tool_calls(0).name(), "time");
  EXPECT_EQ(answer.finish_reason(), v1::FINISH_REASON_TOOL_CALLS);
  EXPECT_EQ(answer.token_ids(0), variant_.Token(0));
  const auto& usage = events.back().finished().usage();
  EXPECT_GT(usage.reasoning_tokens(), 2);
  EXPECT_LT(usage.reasoning_tokens(), usage.completion_tokens());
  ExpectResumable(request, events);
}

TEST_F(ControlMarkers, AreInTheTextWhereReasoningIs) {
  const auto request = Reasoning(v1::REASONING_MODE_INLINE);

  const auto events = Events(request);

  // Without tools those of calls mean nothing, and leave no text.
  EXPECT_EQ(Joined(events).text(), "[THINK]I must ask.[/THINK]\n\nI ask. {\"name\": \"time\"}");
  EXPECT_EQ(Joined(events).finish_reason(), v1::FINISH_REASON_STOP);
  ExpectResumable(request, events);
}

TEST_F(ControlMarkers, LeaveNoTextOutsideOfChats) {
  auto request = Reasoning(v1::REASONING_MODE_INLINE);
  request.set_prompt("What is the weather in Cusco?");

  EXPECT_EQ(Joined(Events(request)).text(), "I must ask.\n\nI ask. {\"name\": \"time\"}");
}

}  // namespace
}  // namespace chasqui::worker
