// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/synth.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tests/unit/tools/synth/loaded_model.h"
#include "tools/synth/vocabulary.h"

namespace chasqui::synth {
namespace {

using absl_testing::IsOk;
using absl_testing::IsOkAndHolds;
using absl_testing::StatusIs;
using testing::HasSubstr;

SynthOptions SmallOptions(WeightType type, const std::string& file) {
  return {.shape = SmallShape(), .type = type, .output = TestPath(file), .threads = 1};
}

std::string Content(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Text of every length of UTF-8, with runs of spaces and line ends, and words.
std::string RandomText(std::mt19937_64& random) {
  constexpr uint32_t kLimits[] = {0x80, 0x80, 0x80, 0x800, 0x10000, 0x110000};
  const auto letter = [&random] { return static_cast<char>('a' + random() % 26); };
  std::string text;
  for (uint64_t left = random() % 40; left > 0; --left) {
    if (random() % 3 == 0) {
      text += random() % 2 == 0 ? " " : "\n ";
      for (uint64_t n = random() % 12; n > 0; --n) text += letter();
      continue;
    }
    uint32_t c = random() % kLimits[random() % std::size(kLimits)];
    if (c == 0 || (c >= 0xD800 && c < 0xE000)) c = '.';
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    } else if (c < 0x10000) {
      text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
               static_cast<char>(0x80 | (c & 63))};
    } else {
      text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
               static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
    }
  }
  return text;
}

class WriteModelOfType : public testing::TestWithParam<WeightType> {};

TEST_P(WriteModelOfType, IsLoadedAndGeneratesVariedTokens) {
  const SynthOptions options = SmallOptions(GetParam(), "model.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());

  LoadedModel model(options.output);

  ASSERT_TRUE(model.ok());
  EXPECT_EQ(llama_model_n_params(model.model()), ParameterCount(options.shape));
  const std::vector<llama_token> tokens = model.Generate(model.Tokenize("the relay runner"), 32);
  EXPECT_GE(std::set<llama_token>(tokens.begin(), tokens.end()).size(), 8U);
}

TEST_P(WriteModelOfType, LeavesNothingButTheModel) {
  const SynthOptions options = SmallOptions(GetParam(), "model.gguf");

  ASSERT_THAT(WriteModel(options), IsOk());

  const auto folder = std::filesystem::directory_iterator(options.output.parent_path());
  EXPECT_EQ(std::distance(begin(folder), end(folder)), 1);
}

INSTANTIATE_TEST_SUITE_P(EachType, WriteModelOfType,
                         testing::Values(WeightType::kF32, WeightType::kF16, WeightType::kQ8_0,
                                         WeightType::kQ4_K_M),
                         [](const auto& type) { return std::string(WeightTypeName(type.param)); });

class WriteModelOfKind : public testing::TestWithParam<KindName> {};

TEST_P(WriteModelOfKind, IsLoadedWithItsHead) {
  SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  options.kind = GetParam().kind;
  ASSERT_THAT(WriteModel(options), IsOk());

  const LoadedModel model(options.output);

  ASSERT_TRUE(model.ok());
  char architecture[32];
  llama_model_meta_val_str(model.model(), "general.architecture", architecture,
                           sizeof(architecture));
  EXPECT_EQ(architecture, GetParam().architecture);
  EXPECT_EQ(llama_model_chat_template(model.model(), "rerank") != nullptr,
            GetParam().kind == ModelKind::kPromptReranker);
}

TEST_P(WriteModelOfKind, IsQuantised) {
  SynthOptions options = SmallOptions(WeightType::kQ8_0, "model.gguf");
  options.kind = GetParam().kind;

  ASSERT_THAT(WriteModel(options), IsOk());

  EXPECT_TRUE(LoadedModel(options.output).ok());
}

INSTANTIATE_TEST_SUITE_P(EachKind, WriteModelOfKind, testing::ValuesIn(Kinds()),
                         [](const auto& kind) {
                           std::string name(kind.param.name);
                           std::erase(name, '-');
                           return name;
                         });

TEST(ParseKind, NamesTheKnown) {
  EXPECT_THAT(ParseKind("reranker"), IsOkAndHolds(ModelKind::kReranker));
  EXPECT_THAT(ParseKind("x"), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("text, embedding, reranker, prompt-reranker")));
}

TEST(WriteModel, MakesATokenizerThatGivesEveryTextBack) {
  const SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());
  const LoadedModel model(options.output);
  std::mt19937_64 random(1);

  for (int i = 0; i < 500; ++i) {
    const std::string text = RandomText(random);
    EXPECT_EQ(model.Detokenize(model.Tokenize(text)), text);
  }
}

TEST(WriteModel, MakesWordsShorterThanTheirLetters) {
  const SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());
  const LoadedModel model(options.output);
  const std::string text = "the message is carried over the mountains by runners";

  EXPECT_LE(model.Tokenize(text).size(), text.size() * 2 / 3);
}

TEST(WriteModel, MarksTheEndsOfTextAndOfTurn) {
  const SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());
  const LoadedModel model(options.output);

  EXPECT_EQ(llama_vocab_bos(model.vocab()), static_cast<llama_token>(kEndOfText));
  EXPECT_TRUE(llama_vocab_is_eog(model.vocab(), kEndOfText));
  EXPECT_TRUE(llama_vocab_is_eog(model.vocab(), kEndOfTurn));
  EXPECT_FALSE(llama_vocab_is_eog(model.vocab(), kStartOfTurn));
  const char* chat_template = llama_model_chat_template(model.model(), nullptr);
  ASSERT_NE(chat_template, nullptr);
  const llama_chat_message message{"user", "hi"};
  char prompt[128];
  const int32_t size =
      llama_chat_apply_template(chat_template, &message, 1, true, prompt, sizeof(prompt));
  EXPECT_EQ(std::string(prompt, std::max(size, 0)),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(WriteModel, IsTheSameForTheSameSeedOnly) {
  SynthOptions options = SmallOptions(WeightType::kQ8_0, "a.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());
  options.output = TestPath("b.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());
  options.output = TestPath("c.gguf");
  options.seed = 2;
  ASSERT_THAT(WriteModel(options), IsOk());

  EXPECT_EQ(Content(TestPath("a.gguf")), Content(TestPath("b.gguf")));
  EXPECT_NE(Content(TestPath("a.gguf")), Content(TestPath("c.gguf")));
}

TEST(ContentId, ChangesWithWhatChangesTheContentOnly) {
  SynthOptions options{.shape = SmallShape()};
  const std::string id = ContentId(options);

  options.output = "elsewhere";
  options.threads = 3;
  EXPECT_EQ(ContentId(options), id);
  options.seed = 2;
  EXPECT_NE(ContentId(options), id);
  options = {.shape = SmallShape(), .type = WeightType::kF16};
  EXPECT_NE(ContentId(options), id);
  options = {.kind = ModelKind::kReranker, .shape = SmallShape()};
  EXPECT_NE(ContentId(options), id);
}

// When this fails, the same options give another file than before: raise kGenerator, so that caches
// notice, and put the new hash here.
TEST(WriteModel, WritesWhatItAlwaysWrote) {
  const SynthOptions options = SmallOptions(WeightType::kF32, "model.gguf");
  ASSERT_THAT(WriteModel(options), IsOk());

  uint64_t hash = 0xCBF29CE484222325;
  for (char c : Content(options.output)) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  EXPECT_EQ(hash, 1388017475372669776U);
}

TEST(WriteModel, TellsItsProgressUpToTheEnd) {
  SynthOptions options = SmallOptions(WeightType::kQ8_0, "model.gguf");
  std::vector<double> told;
  options.progress = [&told](double part) { told.push_back(part); };

  ASSERT_THAT(WriteModel(options), IsOk());

  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_EQ(told.back(), 1);
}

TEST(WriteModel, RefusesABadShapeBeforeWriting) {
  SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  options.shape.layers = 0;

  EXPECT_THAT(WriteModel(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layers")));
  EXPECT_FALSE(std::filesystem::exists(options.output));
}

TEST(WriteModel, SaysWhichFileCannotBeWritten) {
  SynthOptions options = SmallOptions(WeightType::kF16, "model.gguf");
  options.output = TestPath("missing") / "model.gguf";

  EXPECT_THAT(WriteModel(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("model.gguf")));
}

TEST(ParseWeightType, TakesEitherCaseAndNamesTheKnown) {
  EXPECT_THAT(ParseWeightType("Q4_K_M"), IsOkAndHolds(WeightType::kQ4_K_M));
  EXPECT_THAT(ParseWeightType("q3"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f32, f16, q8_0, q4_k_m")));
}

}  // namespace
}  // namespace chasqui::synth
