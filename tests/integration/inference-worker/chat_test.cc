// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The tiny model knows nothing of tools or reasoning: a grammar makes it write them.
class WorkerChat : public WorkerFixture {
 protected:
  WorkerChat() { StartWorker(); }

  static void Say(v1::GenerateRequest& request, const std::string& answer) {
    std::string grammar = "root ::= \"";
    for (const char c : answer) {
      if (c == '"' || c == '\\') grammar += '\\';
      if (c == '\n') {
        grammar += "\\n";
      } else {
        grammar += c;
      }
    }
    request.mutable_output_format()->set_grammar(grammar + "\"");
    request.mutable_stop()->set_max_tokens(256);
  }

  static v1::GenerateRequest WithTools() {
    v1::GenerateRequest request = Chat("What is the weather in Cusco?");
    request.set_request_id("r1");
    auto& tool = *request.mutable_chat()->add_tools();
    tool.set_name("weather");
    tool.set_description("Tells the weather");
    tool.set_parameters_json_schema(R"({"type": "object"})");
    request.mutable_chat()->set_reasoning(v1::REASONING_MODE_SEPARATE);
    Say(request,
        "<think>\nI must ask.\n</think>\n\nLet me see. <tool_call>\n"
        R"({"name": "weather", "arguments": {"city": "Cusco"}})"
        "\n</tool_call>");
    return request;
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

  static void ExpectWholeAnswer(const v1::Completion& answer) {
    EXPECT_EQ(answer.reasoning_text(), "I must ask.");
    EXPECT_EQ(answer.text(), "Let me see. ");
    ASSERT_EQ(answer.tool_calls_size(), 1);
    EXPECT_EQ(answer.tool_calls(0).id(), "call_r1_0_0");
    EXPECT_EQ(answer.tool_calls(0).name(), "weather");
    EXPECT_EQ(answer.tool_calls(0).arguments_json(), R"({"city":"Cusco"})");
    EXPECT_EQ(answer.finish_reason(), v1::FINISH_REASON_TOOL_CALLS);
  }

  std::string Prompt(const v1::ChatInput& chat) {
    v1::ApplyTemplateRequest request;
    *request.mutable_chat() = chat;
    grpc::ClientContext context;
    v1::ApplyTemplateResponse response;
    status_ = rpc::FromGrpc(inference_->ApplyTemplate(&context, request, &response));
    return response.prompt();
  }

  static std::vector<std::string> WrongFields(const absl::Status& status) {
    std::vector<std::string> fields;
    for (const auto& violation : status::FieldViolations(status)) fields.push_back(violation.field);
    return fields;
  }

  absl::Status status_;
};

TEST_F(WorkerChat, StreamsReasoningTextAndCallsApart) {
  const auto stream = Stream(WithTools());

  ASSERT_TRUE(stream->Wait().ok());
  const auto events = stream->events();
  ExpectWholeAnswer(Joined(events));
  const auto& usage = events.back().finished().usage();
  EXPECT_EQ(usage.completion_tokens(), Joined(events).token_ids_size());
  EXPECT_GT(usage.reasoning_tokens(), 0);
  EXPECT_LT(usage.reasoning_tokens(), usage.completion_tokens());
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i);
}

TEST_F(WorkerChat, AnswersAtOnceAsItStreams) {
  v1::GenerateResponse response;
  ASSERT_TRUE(Generate(WithTools(), response).ok());

  ExpectWholeAnswer(response.completions(0));
  EXPECT_GT(response.usage().reasoning_tokens(), 0);
}

TEST_F(WorkerChat, TakesAStreamUpWithinReasoningAndCalls) {
  const auto whole = Stream(WithTools());
  ASSERT_TRUE(whole->Wait().ok());
  const auto events = whole->events();
  for (std::size_t seen = 1; seen < events.size(); seen += 3) {
    std::vector<v1::StreamGenerateResponse> all(events.begin(),
                                                events.begin() + static_cast<std::ptrdiff_t>(seen));
    auto request = WithTools();
    *request.mutable_resume()->add_candidates()->mutable_token_ids() = Joined(all).token_ids();
    request.mutable_resume()->set_next_sequence(seen);

    const auto rest = Stream(request);

    ASSERT_TRUE(rest->Wait().ok()) << seen;
    const auto later = rest->events();
    all.insert(all.end(), later.begin(), later.end());
    ExpectWholeAnswer(Joined(all));
    EXPECT_EQ(later.back().finished().usage().reasoning_tokens(),
              events.back().finished().usage().reasoning_tokens());
  }
}

TEST_F(WorkerChat, LeavesReasoningInTheTextUnlessAsked) {
  auto request = Chat("x");
  Say(request, "<think>Hm.</think> Yes.");
  v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  EXPECT_EQ(response.completions(0).text(), "<think>Hm.</think> Yes.");
  EXPECT_EQ(response.completions(0).finish_reason(), v1::FINISH_REASON_STOP);
}

TEST_F(WorkerChat, GivesBrokenCallsAsText) {
  auto request = WithTools();
  Say(request, "<tool_call>{\"name\": \"rm\"}</tool_call>");
  v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  EXPECT_EQ(response.completions(0).text(), "<tool_call>{\"name\": \"rm\"}</tool_call>");
  EXPECT_EQ(response.completions(0).tool_calls_size(), 0);
  EXPECT_EQ(response.completions(0).finish_reason(), v1::FINISH_REASON_STOP);
}

TEST_F(WorkerChat, TellsTheModelOfToolsAndTheirAnswers) {
  auto chat = WithTools().chat();
  auto& call = *chat.add_messages();
  call.set_role(v1::ROLE_ASSISTANT);
  auto& made = *call.add_tool_calls();
  made.set_id("c");
  made.set_name("weather");
  auto& answer = *chat.add_messages();
  answer.set_role(v1::ROLE_TOOL);
  answer.set_tool_call_id("c");
  answer.add_parts()->set_text("sunny");

  const std::string prompt = Prompt(chat);

  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(prompt, HasSubstr("<|im_start|>system\n# Tools"));
  EXPECT_THAT(prompt, HasSubstr("\"name\": \"weather\", \"description\": \"Tells the weather\""));
  EXPECT_THAT(prompt, HasSubstr("<|im_start|>user\n<tool_response>\nsunny\n</tool_response>"
                                "<|im_end|>\n<|im_start|>assistant\n"));
}

TEST_F(WorkerChat, RefusesByNameWhatTheModelCannotDo) {
  auto request = Chat("x");
  request.mutable_chat()->set_reasoning(v1::REASONING_MODE_OFF);
  EXPECT_THAT(WrongFields(Generate(request)), ElementsAre("chat.reasoning"));
}

// A conversation far longer than the context of 1,024 tokens.
v1::GenerateRequest Long(v1::GenerateRequest request) {
  auto& chat = *request.mutable_chat();
  const auto last = chat.messages(0);
  chat.clear_messages();
  auto& system = *chat.add_messages();
  system.set_role(v1::ROLE_SYSTEM);
  system.add_parts()->set_text("You are a llama.");
  for (int i = 0; i < 60; ++i) {
    auto& message = *chat.add_messages();
    message.set_role(i % 2 == 0 ? v1::ROLE_USER : v1::ROLE_ASSISTANT);
    message.add_parts()->set_text("Once upon a time a llama carried a message over the mountains.");
  }
  *chat.add_messages() = last;
  request.mutable_stop()->set_max_tokens(0);
  return request;
}

TEST_F(WorkerChat, LeavesTheOldestMessagesOut) {
  auto request = Long(Chat("What is a router?"));
  request.mutable_context_policy()->set_overflow(v1::ContextPolicy::OVERFLOW_TRUNCATE_OLDEST);
  request.set_echo(true);
  v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  const auto& usage = response.usage();
  EXPECT_GT(usage.truncated_messages(), 0);
  EXPECT_LT(usage.truncated_messages(), 60);
  EXPECT_GT(usage.truncated_prompt_tokens(), 0);
  EXPECT_LE(usage.prompt_tokens(), 768);
  EXPECT_GT(usage.prompt_tokens(), 700);
  EXPECT_THAT(response.completions(0).text(), HasSubstr("You are a llama."));
  EXPECT_THAT(response.completions(0).text(), HasSubstr("What is a router?"));
}

TEST_F(WorkerChat, RefusesWhatDoesNotFitWithTheCounts) {
  auto request = Long(Chat("x"));
  auto status = Generate(request);
  EXPECT_THAT(WrongFields(status), ElementsAre("input"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the context has 1024 for prompt and"));

  request.mutable_context_policy()->set_reserve(v1::ContextPolicy::RESERVE_CONSERVATIVE);
  status = Generate(request);
  EXPECT_THAT(WrongFields(status), ElementsAre("input"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("keeps 512 of 1024 for the output"));

  request.mutable_context_policy()->set_overflow(v1::ContextPolicy::OVERFLOW_TRUNCATE_OLDEST);
  auto& message = *request.mutable_chat()->mutable_messages(61);
  message.clear_parts();
  message.add_parts()->set_text(std::string(8000, 'x'));
  status = Generate(request);
  EXPECT_THAT(WrongFields(status), ElementsAre("chat.messages"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the context has 512 for it"));
}

}  // namespace
}  // namespace chasqui::worker
