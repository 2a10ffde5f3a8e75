// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "absl/log/check.h"
#include "tests/support/inference-worker/synth_adapter.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// Answers computed with adapters over the model.
namespace chasqui::worker {
namespace {

class EngineAdaptersTest : public EngineFixture {
 protected:
  static const std::shared_ptr<const Model>& AdaptedModel() {
    static const auto& model = *new std::shared_ptr<const Model>([] {
      TinyModel();  // makes the back ends
      const auto gguf = InspectGguf(TinyModelPath());
      CHECK_OK(gguf);
      LoadOptions options;
      options.adapters = {{.name = "one", .path = TinyAdapterPath(1)},
                          {.name = "two", .path = TinyAdapterPath(2)}};
      auto loaded = Model::Load(*gguf, options, nullptr);
      CHECK_OK(loaded);
      return *std::move(loaded);
    }());
    return model;
  }

  void SetUp() override { Make({.slots = 4, .unified_kv = Choice::kOff, .warm_up = false}); }

  void Make(const EngineOptions& options) { MakeEngine(options, AdaptedModel()); }

  static AppliedAdapter Named(std::string_view name, float scale = 1) {
    return {.adapter = AdaptedModel()->FindAdapter(name)->lora, .scale = scale};
  }

  static GenerationRequest With(std::vector<AppliedAdapter> adapters) {
    // Long enough to be worth sharing.
    auto request =
        Greedy(Text("Once upon a time, a llama named Leo lived near the Old Mountain. His "
                    "home was Wayrapampa, where the houses were of stone. One day, Leo "
                    "went to the river with a messenger, who told him"),
               24);
    request.ignore_eos = true;
    request.adapters = std::move(adapters);
    return request;
  }
};

TEST_F(EngineAdaptersTest, EachChangesTheTextInItsOwnWay) {
  const TokenIds without = Ask(With({})).ids;
  const TokenIds one = Ask(With({Named("one")})).ids;
  const TokenIds two = Ask(With({Named("two")})).ids;
  const TokenIds both = Ask(With({Named("one"), Named("two")})).ids;
  const TokenIds reversed = Ask(With({Named("one", -1)})).ids;

  const std::set<TokenIds> different = {without, one, two, both, reversed};
  EXPECT_EQ(different.size(), 5);
  EXPECT_EQ(Ask(With({})).ids, without);
  EXPECT_EQ(Ask(With({Named("one")})).ids, one);
}

TEST_F(EngineAdaptersTest, ScaleZeroIsAsWithout) {
  EXPECT_EQ(Ask(With({Named("one", 0)})).ids, Ask(With({})).ids);
}

TEST_F(EngineAdaptersTest, AnswersWithDifferentOnesAtTheSameTimeAreAsAlone) {
  const std::vector<std::vector<AppliedAdapter>> sets = {
      {Named("one")}, {}, {Named("two")}, {Named("one", 0.5F), Named("two", 0.5F)}};
  std::vector<TokenIds> alone;
  for (const auto& set : sets) alone.push_back(Ask(With(set)).ids);

  std::vector<std::shared_ptr<Generation>> running;
  for (const auto& set : sets) running.push_back(Submit(With(set)));

  for (std::size_t i = 0; i < sets.size(); ++i) EXPECT_EQ(Read(*running[i]).ids, alone[i]) << i;
}

TEST_F(EngineAdaptersTest, AResumedAnswerGoesOnAsItWould) {
  const TokenIds whole = Ask(With({Named("one")})).ids;
  auto request = With({Named("one")});
  request.resume = {{whole.begin(), whole.begin() + 9}};

  EXPECT_EQ(Ask(request).ids, TokenIds(whole.begin() + 9, whole.end()));
}

TEST_F(EngineAdaptersTest, PrefixesAreSharedWithinASetOnly) {
  for (const Choice unified : {Choice::kOn, Choice::kOff}) {
    // In a cache of parts, what makes room for a neighbour is kept in host memory.
    Make({.slots = 4, .unified_kv = unified, .warm_up = false, .host_cache_bytes = 64 << 20});
    Ask(With({}));
    EXPECT_EQ(Ask(With({Named("one")})).started->cached_prompt_tokens, 0);
    EXPECT_EQ(Ask(With({Named("one", 0.5F)})).started->cached_prompt_tokens, 0);

    EXPECT_GT(Ask(With({Named("one")})).started->cached_prompt_tokens, 32);
    EXPECT_GT(Ask(With({})).started->cached_prompt_tokens, 32);
  }
}

// More sets than the engine remembers, so that each number comes to mean another.
TEST_F(EngineAdaptersTest, NewScalesWithoutEndAreComputedRight) {
  const auto scale = [](int i) { return 0.25F + (0.0625F * static_cast<float>(i)); };
  std::vector<TokenIds> first;
  for (int i = 0; i < 40; ++i) {
    const Answer answer = Ask(With({Named("one", scale(i))}));
    EXPECT_EQ(answer.started->cached_prompt_tokens, 0) << i;
    first.push_back(answer.ids);
  }

  Make({.slots = 1, .warm_up = false, .prefix_cache = false});
  for (std::size_t i : {0U, 1U, 17U, 38U, 39U})
    EXPECT_EQ(Ask(With({Named("one", scale(static_cast<int>(i)))})).ids, first[i]) << i;
}

// The number of the set that the context computes with comes to mean another.
TEST_F(EngineAdaptersTest, AForgottenSetIsNotTakenForItsSuccessor) {
  const TokenIds one = Ask(With({Named("one", 1)})).ids;
  for (int i = 0; i < 40; ++i) {
    Ask(With({Named("two", 1 + static_cast<float>(i))}));
    ASSERT_EQ(Ask(With({Named("one", 1)})).ids, one) << i;
  }
}

}  // namespace
}  // namespace chasqui::worker
