// SPDX-License-Identifier: Apache-2.0
// Models for embeddings and for ranking only, of random weights.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "gmock/gmock.h"
#include "services/inference-worker/embed/embedder.h"
#include "services/inference-worker/embed/rank_prompt.h"
#include "services/inference-worker/model/prompt_tokens.h"
#include "tests/support/inference-worker/synth_model.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

using synth::ModelKind;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Not;
using testing::Pointwise;

std::unique_ptr<Embedder> Make(const std::shared_ptr<const Model>& model) {
  return *Embedder::Create(model, {.threads = 1});
}

class RankBy : public testing::TestWithParam<ModelKind> {
 protected:
  RankBy() : model_(SynthModel(GetParam())), embedder_(Make(model_)) {}

  TokenIds Pair(std::string_view document) const {
    return MakeRankPrompt(*model_, "what carries the message", document);
  }

  const std::shared_ptr<const Model> model_;
  const std::unique_ptr<Embedder> embedder_;
};

TEST_P(RankBy, GivesEachDocumentAScoreOfItsOwn) {
  std::vector<TokenIds> pairs;
  for (int i = 0; i < 40; ++i) pairs.push_back(Pair(absl::StrCat("document number ", i * i)));

  const auto scores = embedder_->Rank(pairs);

  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(scores->size(), 40);
  EXPECT_GT(std::set<float>(scores->begin(), scores->end()).size(), 35);
}

// In batches of the same shape, so that what is left is what one document tells of another:
// nothing.
TEST_P(RankBy, GivesTheSameScoreWhateverStandsBesideIt) {
  const TokenIds asked = Pair("the runner over the mountains");
  std::vector<TokenIds> some(20, Pair("another one"));
  std::vector<TokenIds> others(20, some[0]);
  for (TokenIds& other : others) std::ranges::reverse(other);
  some[17] = others[17] = asked;

  const auto among_some = embedder_->Rank(some);
  const auto among_others = embedder_->Rank(others);
  const auto alone = embedder_->Rank({asked});

  ASSERT_TRUE(among_some.ok() && among_others.ok() && alone.ok());
  EXPECT_NE((*among_some)[16], (*among_others)[16]);
  EXPECT_EQ((*among_some)[17], (*among_others)[17]);
  // Products of other shapes round otherwise, and an encoder's GELU rounds to 11 bits.
  EXPECT_NEAR((*among_some)[17], (*alone)[0], 4e-3);
}

TEST_P(RankBy, RefusesADocumentThatIsTooLongWithTheCounts) {
  const auto refused = embedder_->Rank({Pair("short"), TokenIds(257, 300)});

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  const auto violations = status::FieldViolations(refused.status());
  ASSERT_EQ(violations.size(), 1);
  EXPECT_EQ(violations[0].field, "documents[1]");
  EXPECT_THAT(violations[0].description, HasSubstr("256 tokens, is 257"));
}

TEST_P(RankBy, RefusesToEmbed) {
  const auto refused = embedder_->Embed({Pair("x")}, EmbedPooling::kMean);

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status::ErrorReason(refused.status()), "MODEL_KIND");
}

TEST_P(RankBy, NeitherGeneratesNorEmbedsByItsFacts) {
  EXPECT_TRUE(model_->facts().ranks);
  EXPECT_FALSE(model_->facts().generates);
}

INSTANTIATE_TEST_SUITE_P(EachReranker, RankBy,
                         testing::Values(ModelKind::kReranker, ModelKind::kPromptReranker),
                         [](const auto& kind) {
                           return kind.param == ModelKind::kReranker ? "Encoder" : "Decoder";
                         });

TEST(Rank, IsRefusedByAModelWithoutAHead) {
  for (const auto& model : {TinyModel(), SynthModel(ModelKind::kEmbedding)}) {
    const auto refused = Make(model)->Rank({TokenIds(3, 300)});

    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(refused.status().message(), HasSubstr("no head"));
  }
}

// A prompt reranker's head gives the probabilities of "yes" and "no".
TEST(Rank, ReadsTheProbabilityOfTheFirstLabel) {
  const auto model = SynthModel(ModelKind::kPromptReranker);

  const auto scores = Make(model)->Rank({MakeRankPrompt(*model, "q", "d")});

  ASSERT_TRUE(scores.ok());
  EXPECT_GT((*scores)[0], 0);
  EXPECT_LT((*scores)[0], 1);
}

TEST(EmbedByAnEncoder, PoolsAsItsFileSays) {
  const auto model = SynthModel(ModelKind::kEmbedding);
  const auto embedder = Make(model);
  const std::vector<TokenIds> input = {TokenizeForEmbedding(model->vocabulary(), "a llama walks")};
  const auto embed = [&](EmbedPooling pooling) {
    auto vectors = embedder->Embed(input, pooling);
    EXPECT_TRUE(vectors.ok()) << vectors.status();
    return vectors->front();
  };

  const auto own = embed(EmbedPooling::kModelDefault);

  EXPECT_EQ(own.size(), 64);
  EXPECT_THAT(own, Pointwise(FloatNear(1e-5F), embed(EmbedPooling::kCls)));
  EXPECT_THAT(own, Not(Pointwise(FloatNear(1e-3F), embed(EmbedPooling::kMean))));
  EXPECT_THAT(own, Not(Pointwise(FloatNear(1e-3F), embed(EmbedPooling::kLast))));
  EXPECT_FALSE(model->facts().generates);
  EXPECT_FALSE(model->facts().ranks);
}

}  // namespace
}  // namespace chasqui::worker
