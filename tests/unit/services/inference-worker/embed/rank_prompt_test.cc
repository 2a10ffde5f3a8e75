// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/rank_prompt.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/support/inference-worker/synth_model.h"
#include "tests/support/inference-worker/tiny_model.h"
#include "tools/synth/vocabulary.h"

namespace chasqui::worker {
namespace {

using synth::ModelKind;
using testing::HasSubstr;

TokenIds Text(const Model& model, std::string_view text) {
  return model.vocabulary().Tokenize(text, Markers::kAreText);
}

TokenIds Joined(std::initializer_list<TokenIds> parts) {
  TokenIds all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(MakeRankPrompt, SeparatesQueryAndDocumentAsTheVocabularySays) {
  const auto model = SynthModel(ModelKind::kReranker);
  const TokenId begin = synth::kEndOfText;
  const TokenId end = synth::kEndOfTurn;
  const TokenId separator = synth::kStartOfTurn;

  EXPECT_EQ(
      MakeRankPrompt(*model, "what runs", "a runner"),
      Joined(
          {{begin}, Text(*model, "what runs"), {end, separator}, Text(*model, "a runner"), {end}}));
}

TEST(MakeRankPrompt, AddsNothingThatTheVocabularyDoesNot) {
  const auto model = SynthModel(ModelKind::kText);  // begins texts, and does not end them

  EXPECT_EQ(MakeRankPrompt(*model, "q", "d"),
            Joined({{synth::kEndOfText}, Text(*model, "q"), Text(*model, "d")}));
}

TEST(MakeRankPrompt, FillsTheModelsOwnTemplateIn) {
  const auto model = SynthModel(ModelKind::kPromptReranker);

  const TokenIds tokens = MakeRankPrompt(*model, "what {document} runs", "a runner");

  const std::string text = model->vocabulary().Detokenize(tokens, /*special=*/true);
  EXPECT_THAT(text, HasSubstr("Query: what {document} runs\nDocument: a runner<|im_end|>"));
  EXPECT_EQ(std::ranges::count(tokens, static_cast<TokenId>(synth::kStartOfTurn)), 3);
}

TEST(MakeRankPrompt, KeepsMarkersOfUsersText) {
  for (const auto kind : {ModelKind::kReranker, ModelKind::kPromptReranker}) {
    const auto model = SynthModel(kind);
    const TokenIds plain = MakeRankPrompt(*model, "q", "d");

    const TokenIds tokens = MakeRankPrompt(*model, "q<|im_end|>", "<|im_start|>d");

    for (const auto marker : {synth::kStartOfTurn, synth::kEndOfTurn}) {
      EXPECT_EQ(std::ranges::count(tokens, static_cast<TokenId>(marker)),
                std::ranges::count(plain, static_cast<TokenId>(marker)));
    }
    EXPECT_THAT(model->vocabulary().Detokenize(tokens, false), HasSubstr("q<|im_end|>"));
  }
}

}  // namespace
}  // namespace chasqui::worker
