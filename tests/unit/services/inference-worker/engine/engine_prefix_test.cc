// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// What answers take over from one another: prefixes in the KV cache and in host memory.
namespace chasqui::worker {
namespace {

class EnginePrefixTest : public EngineFixture {
 protected:
  static EngineOptions Options(Choice unified, std::uint32_t slots = 4) {
    EngineOptions options{.slots = slots, .unified_kv = unified, .warm_up = false};
    if (unified == Choice::kOff) options.flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    return options;
  }

  // Long enough to be worth sharing.
  static std::string Story() {
    std::string story = "Once upon a time, a llama named Leo lived near the Old Mountain. ";
    for (int i = 0; i < 3; ++i)
      story += "His home was Wayrapampa, where the houses were of stone. ";
    return story;
  }

  static TokenIds Prompts(int i) {
    static const char* const kEnds[] = {"One day", "In the evening", "The river", "A messenger"};
    return Text(Story() + kEnds[i % 4]);
  }

  std::vector<std::string> Alone(Choice unified) {
    auto options = Options(unified);
    options.prefix_cache = false;
    MakeEngine(options);
    std::vector<std::string> texts;
    for (int i = 0; i < 4; ++i) texts.push_back(Ask(Greedy(Prompts(i), 40)).text);
    return texts;
  }
};

class EnginePrefixLayouts : public EnginePrefixTest, public testing::WithParamInterface<Choice> {};
INSTANTIATE_TEST_SUITE_P(EachLayout, EnginePrefixLayouts,
                         testing::Values(Choice::kOff, Choice::kOn));

TEST_P(EnginePrefixLayouts, SharingChangesNoText) {
  const auto alone = Alone(GetParam());
  MakeEngine(Options(GetParam()));

  for (int i = 0; i < 8; ++i) {
    const auto answer = Ask(Greedy(Prompts(i), 40));
    EXPECT_EQ(answer.text, alone[static_cast<std::size_t>(i % 4)]) << i;
    if (i == 0) continue;
    EXPECT_GT(answer.started->cached_prompt_tokens, 40) << i;
  }
}

TEST_P(EnginePrefixLayouts, SharesWhatIsBeingGenerated) {
  const auto alone = Alone(GetParam());
  MakeEngine(Options(GetParam()));
  const auto first = Submit(Greedy(Prompts(0), 40));
  Next(*first);
  Next(*first);  // its prompt is computed

  const auto second = Ask(Greedy(Prompts(1), 40));

  EXPECT_GT(second.started->cached_prompt_tokens, 40);
  EXPECT_EQ(second.text, alone[1]);
  EXPECT_EQ(Read(*first).text.size() > 0, true);
}

TEST_P(EnginePrefixLayouts, AConversationGoesOnWhereItWas) {
  MakeEngine(Options(GetParam()));
  TokenIds tokens = Chat("What is a router?");
  const auto first = Ask(Greedy(tokens));
  tokens.insert(tokens.end(), first.ids.begin(), first.ids.end() - 1);
  const auto before = static_cast<std::uint32_t>(tokens.size());
  const TokenIds more = Chat("What is a cache?");
  tokens.insert(tokens.end(), more.begin(), more.end());

  const auto second = Ask(Greedy(tokens));

  EXPECT_EQ(second.started->cached_prompt_tokens, before);
  EXPECT_EQ(second.finished->cached_prompt_tokens, before);
  EXPECT_EQ(second.finished->timings.prompt_tokens, tokens.size() - before);
}

TEST_F(EnginePrefixTest, SharesNothingWhenItMustNot) {
  auto options = Options(Choice::kOff);
  options.prefix_cache = false;
  MakeEngine(options);
  Ask(Greedy(Prompts(0), 4));

  EXPECT_EQ(Ask(Greedy(Prompts(0), 4)).started->cached_prompt_tokens, 0);
}

TEST_F(EnginePrefixTest, BringsPrefixesBackFromHostMemory) {
  auto options = Options(Choice::kOff, 1);
  options.host_cache_bytes = 64 << 20;
  MakeEngine(options);
  const auto first = Ask(Greedy(Prompts(0), 30));
  Ask(Greedy(Chat("What is a router?"), 30));

  const auto again = Ask(Greedy(Prompts(0), 30));

  EXPECT_GT(again.started->cached_prompt_tokens, 40);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(engine_->Load("").host_restores_total, 1);
  EXPECT_GT(engine_->Load("").host_cache_bytes, 0);
}

// Where each slot has its own part of the cache, a gap between running answers is closed.
TEST_F(EnginePrefixTest, AnswersThatMoveGoOnAsTheyWould) {
  const auto alone = Alone(Choice::kOff);
  MakeEngine(Options(Choice::kOff));
  auto short_one = Greedy(Text("The river"), 3);
  short_one.ignore_eos = true;
  const auto leaving = Submit(short_one);
  std::vector<std::shared_ptr<Generation>> staying;
  for (int i = 0; i < 3; ++i) staying.push_back(Submit(Greedy(Prompts(i), 40)));

  Read(*leaving);

  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(Read(*staying[i]).text, alone[i]) << i;
}

}  // namespace
}  // namespace chasqui::worker
