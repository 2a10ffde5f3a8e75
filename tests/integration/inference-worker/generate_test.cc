// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class WorkerGenerate : public WorkerFixture {
 protected:
  WorkerGenerate() { StartWorker(); }

  static std::vector<std::string> WrongFields(const absl::Status& status) {
    std::vector<std::string> fields;
    for (const auto& violation : status::FieldViolations(status)) fields.push_back(violation.field);
    return fields;
  }
};

TEST_F(WorkerGenerate, StreamsNumberedEvents) {
  const auto stream = Stream(Chat("What is a router?"));

  ASSERT_TRUE(stream->Wait().ok());
  const auto events = stream->events();
  EXPECT_EQ(stream->text(), kRouterAnswer);
  EXPECT_TRUE(events.front().has_started());
  EXPECT_EQ(events.front().started().model(), "tiny");
  EXPECT_EQ(events.front().started().worker_id(), "the-worker");
  EXPECT_EQ(events.front().started().model_fingerprint().size(), 32);
  EXPECT_FALSE(events.front().started().request_id().empty());
  EXPECT_TRUE(events.back().has_finished());
  EXPECT_EQ(events.back().finished().candidates(0).finish_reason(),
            inference::v1::FINISH_REASON_STOP);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i);
}

TEST_F(WorkerGenerate, AnswersAtOnceWithUsageAndTimings) {
  auto request = Chat("What is a router?");
  request.set_include_timings(true);
  inference::v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  EXPECT_EQ(response.completions(0).text(), kRouterAnswer);
  EXPECT_EQ(response.usage().completion_tokens(), response.completions(0).token_ids_size());
  EXPECT_EQ(response.usage().prompt_tokens(), response.started().prompt_tokens());
  EXPECT_GT(response.timings().prompt_ms(), 0);
  EXPECT_GT(response.timings().predicted_per_second(), 0);
  EXPECT_GE(response.timings().time_to_first_token_ms(), response.timings().prompt_ms());
}

TEST_F(WorkerGenerate, ReportsTheSeedThatRepeatsTheAnswer) {
  auto request = Endless();
  request.mutable_sampling()->set_temperature(1.2F);
  request.mutable_stop()->set_max_tokens(40);
  inference::v1::GenerateResponse first;
  inference::v1::GenerateResponse second;
  ASSERT_TRUE(Generate(request, first).ok());
  request.mutable_sampling()->set_seed(first.started().seed());

  ASSERT_TRUE(Generate(request, second).ok());

  EXPECT_EQ(second.completions(0).text(), first.completions(0).text());
}

TEST_F(WorkerGenerate, TakesAStreamUpWhereItBroke) {
  const auto request = Chat("What is a router?");
  const auto whole = Stream(request);
  ASSERT_TRUE(whole->Wait().ok());
  auto resumed = request;
  auto& candidate = *resumed.mutable_resume()->add_candidates();
  std::string text;
  constexpr std::size_t kSeen = 6;
  for (std::size_t i = 0; i < kSeen; ++i) {
    const auto event = whole->events()[i];
    text += event.chunk().text();
    candidate.mutable_token_ids()->MergeFrom(event.chunk().token_ids());
  }
  resumed.mutable_resume()->set_next_sequence(kSeen);

  const auto rest = Stream(resumed);

  ASSERT_TRUE(rest->Wait().ok());
  EXPECT_EQ(text + rest->text(), kRouterAnswer);
  EXPECT_EQ(rest->events().front().sequence(), kSeen);
  EXPECT_EQ(rest->events().back().finished().usage().completion_tokens(),
            whole->events().back().finished().usage().completion_tokens());
}

TEST_F(WorkerGenerate, EchoesThePrompt) {
  auto request = Endless();
  request.set_echo(true);
  request.mutable_stop()->set_max_tokens(1);
  inference::v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  EXPECT_TRUE(response.completions(0).text().starts_with("Once upon a time"));
}

TEST_F(WorkerGenerate, RefusesWithEveryViolationAtOnce) {
  auto request = Chat("x");
  request.mutable_sampling()->set_top_p(2);
  request.set_n(17);
  EXPECT_THAT(WrongFields(Generate(request)), ElementsAre("sampling.top_p", "n"));

  request = Chat("x");
  request.clear_chat();
  request.mutable_tokens()->add_ids(5);
  request.mutable_tokens()->add_ids(4'000'000'000);
  request.mutable_stop()->add_token_ids(99'999);
  request.mutable_stop()->set_max_tokens(5000);
  EXPECT_THAT(WrongFields(Generate(request)),
              ElementsAre("stop.max_tokens", "tokens.ids[1]", "stop.token_ids[0]"));
}

TEST_F(WorkerGenerate, GivesSeveralAnswersWithTheirLogprobs) {
  auto request = Endless();
  request.set_n(2);
  request.mutable_logprobs()->set_top(3);
  request.mutable_sampling()->set_temperature(5);
  request.mutable_sampling()->set_min_p(0);
  request.mutable_sampling()->set_top_p(1);
  request.mutable_sampling()->set_seed(3);
  request.mutable_stop()->set_max_tokens(8);
  request.mutable_stop()->set_ignore_eos(true);
  inference::v1::GenerateResponse response;

  ASSERT_TRUE(Generate(request, response).ok());

  ASSERT_EQ(response.completions_size(), 2);
  for (int i = 0; i < 2; ++i) {
    const auto& completion = response.completions(i);
    EXPECT_EQ(completion.index(), i);
    EXPECT_EQ(completion.token_ids_size(), 8);
    ASSERT_EQ(completion.logprobs_size(), 8);
    EXPECT_EQ(completion.logprobs(0).token_id(), completion.token_ids(0));
    EXPECT_LE(completion.logprobs(0).logprob(), 0);
    EXPECT_EQ(completion.logprobs(0).top_size(), 3);
    EXPECT_FALSE(completion.logprobs(0).token().empty());
  }
  EXPECT_NE(response.completions(0).text(), response.completions(1).text());
  EXPECT_EQ(response.usage().completion_tokens(), 16);
}

TEST_F(WorkerGenerate, TellsWhereAGrammarIsWrong) {
  auto request = Chat("x");
  request.mutable_output_format()->set_grammar("root ::= (");

  const auto status = Generate(request);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 1, column 11"));
}

TEST_F(WorkerGenerate, AnswersInTheFormatAskedFor) {
  const auto ask = [&](inference::v1::OutputFormat format) {
    auto request = Chat("What is a router?");
    *request.mutable_output_format() = std::move(format);
    inference::v1::GenerateResponse response;
    EXPECT_TRUE(Generate(request, response).ok());
    EXPECT_EQ(response.completions(0).finish_reason(), inference::v1::FINISH_REASON_STOP);
    return response.completions(0).text();
  };
  inference::v1::OutputFormat format;
  format.mutable_choice()->add_choices("yes");
  format.mutable_choice()->add_choices("no");
  EXPECT_THAT(ask(format), AnyOf("yes", "no"));
  format.set_regex("[0-9]{3}-[a-c]");
  EXPECT_THAT(ask(format), MatchesRegex("[0-9]{3}-[a-c]"));
  format.set_json_schema(R"({"properties":{"ok":{"type":"boolean"}},"required":["ok"]})");
  EXPECT_THAT(ask(format), MatchesRegex(R"(\{"ok": ?(true|false)\})"));
}

TEST_F(WorkerGenerate, AnswersWithAnyJsonObject) {
  int ended = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    inference::v1::GenerateRequest request;
    request.set_prompt("The llama in JSON: ");
    request.mutable_output_format()->set_json_object(true);
    request.mutable_sampling()->set_temperature(1.2F);
    request.mutable_sampling()->set_seed(seed);
    inference::v1::GenerateResponse response;

    ASSERT_TRUE(Generate(request, response).ok()) << seed;

    const auto& answer = response.completions(0);
    EXPECT_EQ(answer.text().front(), '{') << answer.text();
    if (answer.finish_reason() != inference::v1::FINISH_REASON_STOP) {
      EXPECT_EQ(answer.finish_reason(), inference::v1::FINISH_REASON_CONTEXT_FULL) << seed;
      continue;
    }
    ++ended;
    EXPECT_TRUE(nlohmann::json::parse(answer.text(), nullptr, false).is_object()) << answer.text();
  }
  EXPECT_GE(ended, 6);
}

TEST_F(WorkerGenerate, EndsAnAnswerWhoseGrammarIsTooAmbiguous) {
  auto request = Endless();
  request.mutable_output_format()->set_grammar(
      "root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\"");
  const TokenId a = TinyModel()->vocabulary().Tokenize("a", Markers::kAreText).front();
  (*request.mutable_sampling()->mutable_logit_bias())[static_cast<std::uint32_t>(a)] = 100;
  const auto other = Stream(Chat("What is a router?"));

  const auto status = Generate(request);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(WrongFields(status), ElementsAre("output_format"));
  EXPECT_TRUE(other->Wait().ok());
  EXPECT_EQ(other->text(), kRouterAnswer);
}

TEST_F(WorkerGenerate, TellsWhatOfASchemaIsNotSupported) {
  auto request = Chat("x");
  request.mutable_output_format()->set_json_schema(R"({"properties":{"a":{"not":{}}}})");

  const auto status = Generate(request);

  EXPECT_THAT(WrongFields(status), ElementsAre("output_format.json_schema"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/properties/a: the keyword \"not\""));
}

TEST_F(WorkerGenerate, KnowsItsModelsByNameAliasAndNone) {
  for (const char* name : {"", "tiny", "small"}) {
    auto request = Chat("What is a router?");
    if (*name != '\0') request.set_model(name);
    EXPECT_TRUE(Generate(request).ok()) << name;
  }
  auto request = Chat("What is a router?");
  request.set_model("large");
  EXPECT_EQ(Generate(request).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(metrics_->Text(), ::testing::Not(HasSubstr("large")));
}

TEST_F(WorkerGenerate, RefusesWhatIsBeyondTheSlotsByTrailersAlone) {
  const auto one = Stream(Endless());
  const auto two = Stream(Endless());
  ASSERT_TRUE(one->WaitForEvents(2) && two->WaitForEvents(2));

  const auto status = Generate(Chat("x"));

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(status), "WORKER_FULL");
  EXPECT_TRUE(status::RetryDelay(status).has_value());
  one->Cancel();
  one->Wait();
  EXPECT_TRUE(testing::WaitUntil([&] { return Active() == 1; }));
  EXPECT_TRUE(Generate(Chat("x")).ok());
}

TEST_F(WorkerGenerate, FreesTheSlotOfAClientThatLeft) {
  const auto stream = Stream(Endless());
  ASSERT_TRUE(stream->WaitForEvents(3));
  EXPECT_EQ(Active(), 1);

  stream->Cancel();

  EXPECT_EQ(stream->Wait().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(testing::WaitUntil([&] { return Active() == 0; }));
}

TEST_F(WorkerGenerate, EndsAtTheDeadline) {
  const auto stream = Stream(Endless(), {.timeout = 200ms});

  EXPECT_EQ(stream->Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(testing::WaitUntil([&] { return Active() == 0; }));
}

TEST_F(WorkerGenerate, ASlowReaderHoldsUpNobodyElse) {
  auto endless = Endless();
  const auto slow = Stream(endless, {.paused = true});
  ASSERT_TRUE(testing::WaitUntil([&] { return Active() == 1; }));

  const auto fast = Stream(endless);
  ASSERT_TRUE(fast->Wait().ok());
  slow->Resume();

  ASSERT_TRUE(slow->Wait().ok());
  EXPECT_EQ(slow->text(), fast->text());
}

TEST_F(WorkerGenerate, CountsWhatItDoes) {
  ASSERT_TRUE(Generate(Chat("What is a router?")).ok());

  const std::string text = metrics_->Text();
  for (const char* series :
       {"chasqui_worker_time_to_first_token_seconds_count{model=\"tiny\"} 1",
        "chasqui_worker_requests_finished_total{finish_reason=\"stop\",model=\"tiny\"} 1",
        "chasqui_worker_slots{model=\"tiny\"} 2"}) {
    EXPECT_THAT(text, HasSubstr(series));
  }
}

}  // namespace
}  // namespace chasqui::worker
