// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/answer_events.h"

#include <string>

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using inference::v1::GenerateResponse;
using inference::v1::StreamGenerateResponse;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

StreamGenerateResponse Event(const std::string& text) {
  return Parse<StreamGenerateResponse>(text);
}

StreamGenerateResponse Told(const AnswerReader& reader, const std::string& event) {
  StreamGenerateResponse told;
  EXPECT_TRUE(told.ParseFromString(ForReader(reader, Event(event).SerializeAsString())));
  return told;
}

#define EXPECT_SAME(a, b)                                                   \
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals((a), (b))) \
      << (a).ShortDebugString()

TEST(ForReader, TellsWhoseRequestItIsAndThatNothingWasComputed) {
  const AnswerReader reader = {.request_id = "mine", .source = inference::v1::ANSWER_SOURCE_DISK};
  EXPECT_SAME(
      Told(reader, "started { request_id: 'theirs' worker_id: 'w' prompt_tokens: 9 seed: 3 }"),
      Event("started { request_id: 'mine' worker_id: 'w' prompt_tokens: 9 cached_prompt_tokens: 9"
            " seed: 3 answer_source: ANSWER_SOURCE_DISK }"));
  EXPECT_SAME(Told(reader,
                   "finished { usage { prompt_tokens: 9 completion_tokens: 4 }"
                   " timings { predicted_n: 4 } } sequence: 5"),
              Event("finished { usage { prompt_tokens: 9 cached_prompt_tokens: 9"
                    " completion_tokens: 4 cached_completion_tokens: 4 } } sequence: 5"));
}

TEST(ForReader, LeavesChunksAndWhatItCannotReadAsTheyAre) {
  const std::string chunk =
      Event("chunk { text: 'x' token_ids: 1 } sequence: 1").SerializeAsString();
  EXPECT_EQ(ForReader({}, chunk), chunk);
  EXPECT_EQ(ForReader({}, "\x0a\xff"), "\x0a\xff");
}

TEST(ForReader, TellsTimesOfItsOwnWhereTheyAreAskedFor) {
  const StreamGenerateResponse told =
      Told({.include_timings = true, .elapsed_ms = 1.5},
           "finished { usage { prompt_tokens: 9 } timings { predicted_ms: 100 } }");
  EXPECT_EQ(told.finished().timings().predicted_ms(), 0);
  EXPECT_EQ(told.finished().timings().cache_n(), 9);
  EXPECT_EQ(told.finished().timings().time_to_first_token_ms(), 1.5);
}

AnswerEnd End(const std::string& event) { return EndOf(rpc::Serialize(Event(event))); }

TEST(EndOf, WhatWasCutByTimeOrContextIsNotRepeatable) {
  const std::string usage = "usage { prompt_tokens: 2 completion_tokens: 3 }";
  const auto with = [&](const std::string& reasons) {
    return End("finished { " + usage + reasons + " }").repeatable;
  };
  EXPECT_TRUE(with("candidates { finish_reason: FINISH_REASON_STOP }"));
  EXPECT_TRUE(
      with("candidates { finish_reason: FINISH_REASON_MAX_TOKENS }"
           "candidates { finish_reason: FINISH_REASON_STOP_STRING }"));
  EXPECT_FALSE(with("candidates { finish_reason: FINISH_REASON_MAX_TIME }"));
  EXPECT_FALSE(
      with("candidates { finish_reason: FINISH_REASON_STOP }"
           "candidates { finish_reason: FINISH_REASON_CONTEXT_FULL }"));
  EXPECT_FALSE(with("candidates { finish_reason: FINISH_REASON_FORMAT_DEAD_END }"));
  EXPECT_FALSE(with(""));
  EXPECT_EQ(End("finished { " + usage + " }").completion_tokens, 3);
  EXPECT_FALSE(End("chunk { text: 'x' }").repeatable);
}

TEST(SetCachedTokens, ChangesThatAlone) {
  grpc::ByteBuffer event = rpc::Serialize(
      Event("finished { usage { prompt_tokens: 2 completion_tokens: 5 } } sequence: 8"));

  SetCachedTokens(3, event);

  StreamGenerateResponse parsed;
  ASSERT_TRUE(rpc::Parse(event, parsed));
  EXPECT_SAME(parsed, Event("finished { usage { prompt_tokens: 2 completion_tokens: 5"
                            " cached_completion_tokens: 3 } } sequence: 8"));
}

TEST(AnswerCollector, PutsTheAnswersTogether) {
  AnswerCollector collector;
  for (const char* event :
       {"started { request_id: 'r' }", "chunk { index: 1 text: 'b' token_ids: 2 }",
        "chunk { index: 0 text: 'a' token_ids: 1 logprobs { token_id: 1 } }",
        "chunk { index: 0 text: 'c' token_ids: 3 reasoning_text: 'r' tool_calls { id: 't' } }",
        "finished { candidates { index: 0 finish_reason: FINISH_REASON_STOP }"
        " candidates { index: 1 finish_reason: FINISH_REASON_STOP_STRING stop_string: 's' }"
        " usage { completion_tokens: 3 } timings { predicted_n: 3 } }"}) {
    collector.Add(rpc::Serialize(Event(event)));
  }

  EXPECT_SAME(collector.Take(),
              Parse<GenerateResponse>(
                  "started { request_id: 'r' }"
                  "completions { index: 0 text: 'ac' token_ids: [1, 3] logprobs { token_id: 1 }"
                  " reasoning_text: 'r' tool_calls { id: 't' } finish_reason: FINISH_REASON_STOP }"
                  "completions { index: 1 text: 'b' token_ids: 2"
                  " finish_reason: FINISH_REASON_STOP_STRING stop_string: 's' }"
                  "usage { completion_tokens: 3 } timings { predicted_n: 3 }"));
}

}  // namespace
}  // namespace chasqui::router
