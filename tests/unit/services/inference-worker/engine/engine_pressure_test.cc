// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// What happens when there is little room: answers are set back, contexts are shifted, and nothing
// is lost.
namespace chasqui::worker {
namespace {

class EnginePressureTest : public EngineFixture {
 protected:
  static GenerationRequest Long(std::uint32_t tokens) {
    auto request = Greedy(Text("Once upon a time, a llama"), tokens);
    request.ignore_eos = true;
    return request;
  }
};

TEST_F(EnginePressureTest, AnswersThatOutgrowASharedCacheAllComeToTheirEnd) {
  MakeEngine({.slots = 4, .kv_tokens = 512, .unified_kv = Choice::kOn, .warm_up = false});
  const std::string alone = Ask(Long(200)).text;
  std::vector<std::shared_ptr<Generation>> generations;
  for (int i = 0; i < 4; ++i) {
    auto request = Long(200);
    request.prompt.insert(request.prompt.begin(), static_cast<TokenId>(300 + i));  // shares nothing
    generations.push_back(Submit(request));
  }

  std::uint32_t preemptions = 0;
  for (const auto& generation : generations) {
    const auto answer = Read(*generation);
    ASSERT_TRUE(answer.finished.has_value()) << answer.error;
    EXPECT_EQ(answer.ids.size(), 200);
    preemptions += answer.finished->timings.preemptions;
  }

  EXPECT_GT(preemptions, 0);
  EXPECT_EQ(engine_->Load("").preemptions_total, preemptions);
  EXPECT_EQ(Ask(Long(200)).text, alone);
}

TEST_F(EnginePressureTest, AnAnswerThatWasSetBackIsTheSame) {
  MakeEngine({.slots = 2, .kv_tokens = 256, .unified_kv = Choice::kOn, .warm_up = false});
  const auto question = Greedy(Chat("What is a router?"));
  const std::string alone = Ask(question).text;
  const auto elder = Submit(Long(200));
  for (int i = 0; i < 150; ++i) Next(*elder);

  const auto younger = Submit(question);

  EXPECT_EQ(Read(*younger).text, alone);
  EXPECT_EQ(Read(*elder).ids.size() > 0, true);
}

TEST_F(EnginePressureTest, KeptPrefixesLeaveBeforeAnyAnswerIsSetBack) {
  MakeEngine({.slots = 2, .kv_tokens = 512, .unified_kv = Choice::kOn, .warm_up = false});
  for (int i = 0; i < 4; ++i) {
    auto request = Long(100);
    request.prompt.insert(request.prompt.begin(), static_cast<TokenId>(300 + i));
    Ask(request);
  }

  const auto answer = Ask(Long(400));

  EXPECT_EQ(answer.ids.size(), 400);
  EXPECT_GT(engine_->Load("").evictions_total, 0);
  EXPECT_EQ(engine_->Load("").preemptions_total, 0);
}

TEST_F(EnginePressureTest, AShiftLetsAnAnswerOutgrowTheContext) {
  MakeEngine({.slots = 2, .context_tokens = 128, .kv_tokens = 256, .warm_up = false});
  auto request = Long(300);
  request.shift.emplace(ContextShift{.keep_tokens = 4});

  const auto answer = Ask(request);

  EXPECT_EQ(answer.ids.size(), 300);
  EXPECT_EQ(answer.finished->candidates[0].reason, EndReason::kMaxTokens);
  EXPECT_GT(answer.finished->candidates[0].shifted_tokens, 150);
  EXPECT_EQ(Ask(Greedy(Chat("What is a router?"))).text,
            "A router is a program that decides which worker should handle each request.");
}

TEST_F(EnginePressureTest, TenThousandCancelledAnswersLeakNothing) {
  MakeEngine({.slots = 8, .kv_tokens = 1024, .unified_kv = Choice::kOn, .warm_up = false});
  std::mt19937 random(3);
  std::vector<std::shared_ptr<Generation>> open;
  const std::string alone = Ask(Greedy(Chat("What is a router?"))).text;
  for (int i = 0; i < 10'000; ++i) {
    auto request = Long(90);
    request.candidates = 1 + random() % 3;
    request.prompt.resize(1 + random() % request.prompt.size());
    auto submitted = engine_->Submit(request, ++last_tag_);
    if (submitted.ok()) {
      open.push_back(*std::move(submitted));
      if (random() % 8 == 0) Next(*open.back());
    }
    if (!submitted.ok() || random() % 2 == 0) {
      if (open.empty()) continue;
      const std::size_t which = random() % open.size();
      open[which]->Cancel();
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }
  open.clear();
  AwaitIdle();

  EXPECT_EQ(engine_->Load("").active, 0);
  EXPECT_EQ(engine_->Load("").kv_used_tokens, 0);
  EXPECT_EQ(Ask(Greedy(Chat("What is a router?"))).text, alone);
  EXPECT_EQ(Ask(Long(900)).ids.size(), 900);  // the whole cache can be had
}

}  // namespace
}  // namespace chasqui::worker
