// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/embedder.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "gmock/gmock.h"
#include "services/inference-worker/model/prompt_tokens.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

class EmbedderTest : public testing::Test {
 protected:
  EmbedderTest() : embedder_(*Embedder::Create(TinyModel(), {.threads = 1})) {}

  static TokenIds Text(std::string_view text) {
    return TokenizePrompt(TinyModel()->vocabulary(), text);
  }

  std::vector<std::vector<float>> Embed(const std::vector<TokenIds>& inputs,
                                        EmbedPooling pooling = EmbedPooling::kModelDefault) {
    auto vectors = embedder_->Embed(inputs, pooling);
    EXPECT_TRUE(vectors.ok()) << vectors.status();
    return *std::move(vectors);
  }

  static double Cosine(std::vector<float> a, std::vector<float> b) {
    Normalize(a);
    Normalize(b);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  }

  const std::unique_ptr<Embedder> embedder_;
};

TEST_F(EmbedderTest, GivesAVectorForEachInput) {
  const auto vectors = Embed({Text("a llama"), Text("the messenger runs")});

  ASSERT_EQ(vectors.size(), 2);
  EXPECT_EQ(vectors[0].size(), TinyModel()->facts().embedding_length);
  EXPECT_LT(Cosine(vectors[0], vectors[1]), 0.999);
}

TEST_F(EmbedderTest, GivesTheSameAloneAndAmongMany) {
  std::vector<TokenIds> many(40, Text("another text of some length"));
  many[37] = Text("a llama");

  const auto together = Embed(many)[37];
  const auto alone = Embed({Text("a llama")})[0];

  EXPECT_GT(Cosine(together, alone), 0.999);
}

TEST_F(EmbedderTest, FindsALikenessOfAlikeTexts) {
  const auto vectors =
      Embed({Text("The llama walked over the mountain."), Text("The llama walked up the mountain."),
             Text("A port is a number that tells a computer which program a message is for.")});

  EXPECT_GT(Cosine(vectors[0], vectors[1]), Cosine(vectors[0], vectors[2]));
}

TEST_F(EmbedderTest, PoolsByTheMeanWhereTheModelHasNoWayOfItsOwn) {
  const auto own = Embed({Text("a llama")})[0];
  const auto mean = Embed({Text("a llama")}, EmbedPooling::kMean)[0];

  EXPECT_THAT(own, Pointwise(FloatNear(1e-4F), mean));
}

TEST_F(EmbedderTest, PoolsDifferentlyWhenAsked) {
  const std::vector<TokenIds> input = {Text("a llama walks")};
  const auto mean = Embed(input, EmbedPooling::kMean)[0];
  const auto last = Embed(input, EmbedPooling::kLast)[0];
  const auto first = Embed(input, EmbedPooling::kCls)[0];

  EXPECT_LT(Cosine(mean, last), 0.999);
  EXPECT_LT(Cosine(first, last), 0.999);
}

TEST_F(EmbedderTest, EmbedsAnInputAsLongAsTheContext) {
  EXPECT_EQ(Embed({TokenIds(1024, 300), TokenIds(1024, 301)}).size(), 2);
}

TEST_F(EmbedderTest, RefusesWhatItCannotEmbedAndSaysAll) {
  const auto refused = embedder_->Embed({{}, TokenIds(1025, 300), {-1}}, EmbedPooling::kMean);

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  const auto violations = status::FieldViolations(refused.status());
  ASSERT_EQ(violations.size(), 3);
  EXPECT_EQ(violations[0].field, "inputs[0]");
  EXPECT_THAT(violations[1].description, HasSubstr("1025"));
}

TEST(Normalize, ScalesToLengthOne) {
  std::vector<float> vector = {3, 4};
  Normalize(vector);
  EXPECT_FLOAT_EQ(vector[0], 0.6F);
  EXPECT_FLOAT_EQ(vector[1], 0.8F);

  std::vector<float> zero = {0, 0};
  Normalize(zero);
  EXPECT_EQ(zero[0], 0);
}

}  // namespace
}  // namespace chasqui::worker
