// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/answer_key.h"

#include <string>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "services/router/answers/normalize.h"

namespace chasqui::router {
namespace {

using config::v1::PromptNormalizationConfig;
using inference::v1::GenerateRequest;

GenerateRequest Request(const std::string& text) {
  GenerateRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

std::string Key(const std::string& text, const std::string& fingerprint = "f",
                const std::string& tenant = "t") {
  return AnswerKey(Request(text), fingerprint, tenant, {});
}

constexpr char kBase[] = "prompt: 'x' sampling { temperature: 0 }";

// Of the base with more in it.
std::string KeyWith(const std::string& text) {
  GenerateRequest request = Request(kBase);
  request.MergeFrom(Request(text));
  return AnswerKey(request, "f", "t", {});
}

TEST(AnswerKey, Has32Bytes) { EXPECT_EQ(Key(kBase).size(), 32); }

TEST(AnswerKey, WhatHasNoEffectOnTheAnswerIsLeftOut) {
  for (const char* same :
       {"request_id: 'r'", "model: 'm'", "priority: PRIORITY_HIGH", "include_timings: true", "n: 1",
        "cache_policy { mode: MODE_REFRESH ttl { seconds: 9 } seeded_is_deterministic: true }",
        "sampling { seed: 7 top_k: 3 top_p: 0.5 min_p: 0.1 xtc { probability: 0.5 } }"}) {
    EXPECT_EQ(KeyWith(same), Key(kBase)) << same;
  }
}

TEST(AnswerKey, WhatHasAnEffectTellsRequestsApart) {
  for (const char* other :
       {"n: 2", "echo: true", "stop { max_tokens: 5 }", "output_format { json_object: true }",
        "logprobs { top: 1 }", "lora_adapters { name: 'a' }", "cache_policy { tags: 't' }",
        "sampling { penalties { repeat: 1.2 } }", "sampling { logit_bias { key: 3 value: 1 } }",
        "stop { max_time { seconds: 1 } }",
        "context_policy { overflow: OVERFLOW_TRUNCATE_OLDEST }"}) {
    EXPECT_NE(KeyWith(other), Key(kBase)) << other;
  }
  EXPECT_NE(Key("prompt: 'y' sampling { temperature: 0 }"), Key(kBase));
  EXPECT_NE(
      Key("chat { messages { role: ROLE_USER parts { text: 'x' } } } sampling { temperature: 0 }"),
      Key(kBase));
  EXPECT_NE(Key(kBase, "g"), Key(kBase));
  EXPECT_NE(Key(kBase, "f", "u"), Key(kBase));
}

TEST(AnswerKey, ASeedCountsWhereItIsDrawnBy) {
  const std::string drawn = "prompt: 'x' sampling { temperature: 1 seed: ";
  EXPECT_NE(Key(drawn + "1 }"), Key(drawn + "2 }"));
}

TEST(AnswerKey, TheOrderOfTagsAndOfBiasesDoesNotMatter) {
  EXPECT_EQ(KeyWith("cache_policy { tags: 'a' tags: 'b' }"),
            KeyWith("cache_policy { tags: 'b' tags: 'a' tags: 'a' }"));
  const auto biased = [](int first, int second) {
    GenerateRequest request = Request(kBase);
    for (const int id : {first, second})
      (*request.mutable_sampling()->mutable_logit_bias())[id] = 1;
    return AnswerKey(request, "f", "t", {});
  };
  EXPECT_EQ(biased(1, 70'000), biased(70'000, 1));
}

TEST(AnswerKey, PartsDoNotRunIntoEachOther) {
  EXPECT_NE(Key(kBase, "ab", "c"), Key(kBase, "a", "bc"));
}

struct NormalizeCase {
  std::string config;
  std::string text;
  std::string normal;
};

class NormalizeText : public ::testing::TestWithParam<NormalizeCase> {};

TEST_P(NormalizeText, LeavesOutWhatDoesNotCount) {
  PromptNormalizationConfig config;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().config, &config));

  EXPECT_EQ(Normalize(GetParam().text, config), GetParam().normal);
}

INSTANTIATE_TEST_SUITE_P(
    All, NormalizeText,
    ::testing::Values(NormalizeCase{"", " a \n b ", " a \n b "},
                      NormalizeCase{"trim: true", " a \n b\t", "a \n b"},
                      NormalizeCase{"collapse_white_space: true", " a \n\t b ", " a b "},
                      NormalizeCase{"collapse_white_space: true trim: true", "  a\r\n\r\nb", "a b"},
                      NormalizeCase{"nfc: true", "e\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
                      NormalizeCase{"nfc: true", "\xff is no text", "\xff is no text"},
                      NormalizeCase{"nfc: true trim: true", "", ""}));

TEST(Normalize, ConcernsPromptsAndMessages) {
  PromptNormalizationConfig config;
  config.set_trim(true);
  const std::string chat = "chat { messages { role: ROLE_USER parts { text: '";
  EXPECT_EQ(AnswerKey(Request(chat + " x ' } } }"), "f", "", config),
            AnswerKey(Request(chat + "x' } } }"), "f", "", config));
  EXPECT_NE(AnswerKey(Request("prompt: 'x' stop { strings: ' y' }"), "f", "", config),
            AnswerKey(Request("prompt: 'x' stop { strings: 'y' }"), "f", "", config));
}

}  // namespace
}  // namespace chasqui::router
