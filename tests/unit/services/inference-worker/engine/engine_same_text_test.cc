// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// Sixteen prompts have the same greedy answers however they are run: alone or sixteen at a time,
// with and without prefixes that are shared, set back for want of room or not.
namespace chasqui::worker {
namespace {

constexpr std::uint32_t kPrompts = 16;

class EngineSameTextTest : public EngineFixture {
 protected:
  static EngineOptions Exact(std::uint32_t slots, bool prefix_cache) {
    return {.slots = slots,
            .unified_kv = Choice::kOff,
            .flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED,
            .warm_up = false,
            .prefix_cache = prefix_cache};
  }

  // Half of them go on from one text, and are of different length.
  static GenerationRequest Request(std::uint32_t i) {
    static const char* const kEnds[] = {"One day", "In the evening the llama", "The river", "A"};
    static const char* const kThings[] = {"router", "cache", "worker", "llama"};
    if (i % 2 == 1) return Greedy(Chat(std::string("What is a ") + kThings[i / 2 % 4] + "?"), 40);
    std::string story = "Once upon a time, a llama named Leo lived near the Old Mountain. ";
    for (std::uint32_t k = 0; k < 4 + i / 4; ++k)
      story += "His home was where the houses were of stone. ";
    return Greedy(Text(story + kEnds[i / 2 % 4]), 40);
  }

  // Outgrows what is kept free for it.
  static GenerationRequest LongRequest(std::uint32_t i) {
    auto request = Request(i);
    request.max_tokens = 120;
    request.ignore_eos = true;
    return request;
  }

  using Make = GenerationRequest(std::uint32_t);

  std::vector<std::string> OneByOne(Make& make = Request) {
    std::vector<std::string> texts;
    for (std::uint32_t i = 0; i < kPrompts; ++i) texts.push_back(Ask(make(i)).text);
    return texts;
  }

  std::vector<std::string> Together(Make& make = Request) {
    std::vector<std::shared_ptr<Generation>> running;
    for (std::uint32_t i = 0; i < kPrompts; ++i) running.push_back(Submit(make(i)));
    std::vector<std::string> texts;
    for (const auto& generation : running) texts.push_back(Read(*generation).text);
    return texts;
  }

  // Alone, on an engine of one slot that shares nothing.
  std::vector<std::string> Alone() {
    MakeEngine(Exact(1, false));
    return OneByOne();
  }
};

TEST_F(EngineSameTextTest, InBatchesOfOneAndOfSixteen) {
  const auto alone = Alone();

  MakeEngine(Exact(16, false));

  EXPECT_EQ(OneByOne(), alone);
  EXPECT_EQ(Together(), alone);
}

TEST_F(EngineSameTextTest, WithPrefixesThatAreShared) {
  const auto alone = Alone();
  MakeEngine(Exact(1, true));
  for (std::uint32_t i = 0; i < kPrompts; ++i) {
    for (int times = 0; times < 2; ++times) EXPECT_EQ(Ask(Request(i)).text, alone[i]) << i;
  }
  EXPECT_GT(engine_->Load("").cached_prompt_tokens_total, 500);

  MakeEngine(Exact(16, true));
  for (int times = 0; times < 3; ++times) EXPECT_EQ(Together(), alone) << times;
  EXPECT_GT(engine_->Load("").cached_prompt_tokens_total, 500);
}

// In a cache that is shared the order of a sequence's cells, and of its sums, is not that of an
// engine alone: the reference is one of the same layout.
TEST_F(EngineSameTextTest, AfterBeingSetBack) {
  EngineOptions options{.slots = 16,
                        .kv_tokens = 8192,
                        .unified_kv = Choice::kOn,
                        .flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED,
                        .warm_up = false};
  MakeEngine(options);
  const auto undisturbed = OneByOne(LongRequest);
  options.kv_tokens = 1024;
  MakeEngine(options);

  EXPECT_EQ(Together(LongRequest), undisturbed);
  EXPECT_GT(engine_->Load("").preemptions_total, 0);
}

}  // namespace
}  // namespace chasqui::worker
