// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "gmock/gmock.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// How answers run beside each other, and how they are taken up.
namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;

class EngineBatchingTest : public EngineFixture {
 protected:
  // The layout in which a result does not depend on what else runs: the one chosen without a GPU.
  static EngineOptions Exact(std::uint32_t slots) {
    return {.slots = slots,
            .unified_kv = Choice::kOff,
            .flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED,
            .warm_up = false};
  }

  static std::vector<TokenIds> Prompts() {
    std::vector<TokenIds> prompts;
    for (const char* thing : {"router", "cache", "worker", "llama"})
      prompts.push_back(Chat(std::string("What is a ") + thing + "?"));
    for (const char* start : {"Once upon a time, a llama", "The messenger ran over the mountain",
                              "In a small village", "The river was wide"}) {
      prompts.push_back(Text(start));
    }
    return prompts;
  }

  // A seeded request that the whole chain works on.
  static GenerationRequest Seeded(std::uint64_t seed) {
    auto request = Greedy(Text("Once upon a time"), 60);
    request.sampling.temperature = 1.0F;
    request.sampling.seed = seed;
    request.sampling.penalties.repeat = 1.1F;
    request.sampling.xtc_probability = 0.3F;
    return request;
  }

  // Asks again after `count` tokens were seen, and puts both halves together.
  Answer Resumed(GenerationRequest request, const Answer& whole, std::size_t count) {
    request.resume = {TokenIds(whole.ids.begin(), whole.ids.begin() + static_cast<long>(count))};
    return Ask(request);
  }

  // The text of the pieces that account for the first `count` tokens, or nothing when a piece ends
  // elsewhere.
  static std::map<std::size_t, std::string> TextByTokens(const std::vector<TextPiece>& pieces) {
    std::map<std::size_t, std::string> texts;
    std::string text;
    std::size_t tokens = 0;
    for (const auto& piece : pieces) {
      text += piece.text;
      tokens += piece.token_ids.size();
      texts[tokens] = text;
    }
    return texts;
  }

  std::vector<TextPiece> Pieces(GenerationRequest request) {
    const auto generation = Submit(std::move(request));
    std::vector<TextPiece> pieces;
    while (true) {
      auto event = Next(*generation);
      if (auto* piece = std::get_if<TextPiece>(&event)) pieces.push_back(std::move(*piece));
      if (std::holds_alternative<GenerationFinished>(event)) return pieces;
    }
  }

  // For each place where the stream can break: the rest equals the rest of the undisturbed stream.
  void ExpectResumable(const GenerationRequest& request) {
    const auto texts = TextByTokens(Pieces(request));
    const auto whole = Ask(request);
    for (const auto& [tokens, text] : texts) {
      const auto rest = Resumed(request, whole, tokens);
      EXPECT_EQ(text + rest.text, whole.text) << "after " << tokens << " tokens";
      EXPECT_EQ(tokens + rest.ids.size(), whole.ids.size());
      EXPECT_EQ(rest.finished->candidates[0].reason, whole.finished->candidates[0].reason);
      EXPECT_EQ(rest.finished->completion_tokens, whole.finished->completion_tokens);
      EXPECT_EQ(rest.started->prompt_tokens, whole.started->prompt_tokens);
    }
  }
};

TEST_F(EngineBatchingTest, SixteenTogetherAnswerAsEachAlone) {
  auto options = Exact(16);
  options.prompt_chunk_tokens = 32;
  MakeEngine(options);
  std::vector<TokenIds> prompts = Prompts();
  std::vector<std::string> alone;
  for (const auto& prompt : prompts) alone.push_back(Ask(Greedy(prompt)).text);

  std::vector<std::shared_ptr<Generation>> together;
  for (int i = 0; i < 16; ++i) together.push_back(Submit(Greedy(prompts[i % prompts.size()])));

  for (std::size_t i = 0; i < together.size(); ++i)
    EXPECT_EQ(Read(*together[i]).text, alone[i % prompts.size()]) << i;
}

// The sharing of the cache is what is tested here, not the texts.
TEST_F(EngineBatchingTest, OneRequestMayUseASharedCacheAlone) {
  MakeEngine({.slots = 4, .kv_tokens = 1024, .unified_kv = Choice::kOn, .warm_up = false});

  EXPECT_EQ(engine_->context_tokens(), 1024);
  EXPECT_EQ(Ask(Endless()).finished->candidates[0].reason, EndReason::kMaxTokens);
}

TEST_F(EngineBatchingTest, EachSlotHasItsPartOfACacheThatIsNotShared) {
  MakeEngine({.slots = 4, .kv_tokens = 1024, .unified_kv = Choice::kOff, .warm_up = false});

  EXPECT_EQ(engine_->context_tokens(), 256);
}

TEST_F(EngineBatchingTest, ChunksOfThePromptMakeNoDifference) {
  auto options = Exact(2);
  MakeEngine(options);
  const auto whole = Ask(Greedy(Chat("What is a router?"))).text;

  options.batch_tokens = 3;
  options.micro_batch_tokens = 2;
  MakeEngine(options);

  EXPECT_EQ(Ask(Greedy(Chat("What is a router?"))).text, whole);
}

TEST_F(EngineBatchingTest, ASlowReaderPausesItsOwnAnswerOnly) {
  auto options = Exact(2);
  options.max_buffered_events = 4;
  MakeEngine(options);
  const auto slow = Submit(Endless());
  Next(*slow);

  const auto fast = Ask(Endless());
  const auto used = engine_->Load("").kv_used_tokens;

  EXPECT_EQ(fast.finished->candidates[0].reason, EndReason::kMaxTokens);
  EXPECT_LT(used, 50);  // the slow one has not run on
  const auto answer = Read(*slow);
  EXPECT_EQ(answer.text, fast.text);
}

TEST_F(EngineBatchingTest, CancelsAnAnswerThatIsPausedForTooLong) {
  MakeEngine({.slots = 1, .warm_up = false, .max_buffered_events = 2, .max_pause = 20ms});
  const auto generation = Submit(Endless());

  AwaitIdle();

  EXPECT_EQ(status::ErrorReason(Read(*generation).error), "SLOW_READER");
}

TEST_F(EngineBatchingTest, ACancelledAnswerLeavesTheOthersAlone) {
  MakeEngine(Exact(2));
  const auto alone = Ask(Greedy(Chat("What is a router?"))).text;
  const auto other = Submit(Endless());
  Next(*other);

  const auto generation = Submit(Greedy(Chat("What is a router?")));
  Next(*generation);
  other->Cancel();

  EXPECT_EQ(Read(*generation).text, alone);
}

TEST_F(EngineBatchingTest, WakesTheReadersOnceAStep) {
  MakeEngine(Exact(8));
  std::vector<std::shared_ptr<Generation>> generations;
  auto request = Endless();
  request.max_tokens = 100;  // no more than are buffered: no reader is waited for
  for (int i = 0; i < 8; ++i) generations.push_back(Submit(request));
  int pieces = 0;

  for (const auto& generation : generations) pieces += Read(*generation).pieces;

  EXPECT_LT(Calls(), pieces / 4);
}

TEST_F(EngineBatchingTest, TakesUpAGreedyStreamAnywhere) {
  MakeEngine(Exact(1));
  ExpectResumable(Greedy(Chat("What is a router?")));
}

TEST_F(EngineBatchingTest, TakesUpASeededStreamAnywhere) {
  MakeEngine(Exact(1));
  ExpectResumable(Seeded(5));
}

TEST_F(EngineBatchingTest, TakesUpAStreamUnderAGrammar) {
  MakeEngine(Exact(1));
  auto request = Seeded(6);
  request.grammar = R"(root ::= ([a-z]{3,6} " "){8} "end")";
  ExpectResumable(request);
}

TEST_F(EngineBatchingTest, TakesUpAStreamWithStopStrings) {
  MakeEngine(Exact(1));
  auto request = Greedy(Chat("What is a router?"));
  request.stop_strings = {"each request!", "which worker should handle"};
  ExpectResumable(request);
}

TEST_F(EngineBatchingTest, RefusesToTakeUpMirostat) {
  MakeEngine(Exact(1));
  auto request = Seeded(7);
  request.sampling.mirostat.emplace();
  request.resume = {{300}};

  EXPECT_EQ(engine_->Submit(request, 1).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace chasqui::worker
