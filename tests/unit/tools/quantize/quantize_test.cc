// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/match.h"
#include "tools/synth/inspect.h"
#include "tools/synth/synth.h"

namespace chasqui::quantize {
namespace {

namespace fs = std::filesystem;
using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::HasSubstr;

// A folder of its own with a small model of 16 bits.
class QuantizerTest : public testing::Test {
 protected:
  QuantizerTest()
      : folder_(fs::path(testing::TempDir()) /
                (std::string("chasqui-quantize-") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    EXPECT_THAT(synth::WriteModel({.shape = {.layers = 3,
                                             .embedding = 256,
                                             .heads = 4,
                                             .kv_heads = 2,
                                             .feed_forward = 512,
                                             .vocabulary = 2000,
                                             .context = 256},
                                   .type = synth::WeightType::kF16,
                                   .output = folder_ / "in.gguf",
                                   .threads = 1,
                                   .progress = {}}),
                IsOk());
  }
  ~QuantizerTest() override { fs::remove_all(folder_); }

  QuantizeOptions Options(std::string_view type) const {
    QuantizeOptions options;
    options.input = folder_ / "in.gguf";
    options.output = folder_ / "out.gguf";
    options.type = *ParseQuantizeType(type);
    options.threads = 1;
    return options;
  }

  static absl::StatusOr<QuantizeSummary> Run(const QuantizeOptions& options) {
    auto quantizer = Quantizer::Prepare(options);
    if (!quantizer.ok()) return quantizer.status();
    return quantizer->Run();
  }

  synth::ModelSummary Output() const { return *synth::InspectModel(folder_ / "out.gguf"); }

  std::string TypeOf(const std::string& tensor) const {
    const auto model = Output();
    const auto found = std::ranges::find(model.tensors, tensor, &synth::TensorEntry::name);
    return found == model.tensors.end() ? "none" : found->type;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  const fs::path folder_;
};

TEST_F(QuantizerTest, WritesTheTypeAndTellsTheSizes) {
  const auto summary = Run(Options("q8_0"));

  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(Output().quantization, "Q8_0");
  EXPECT_EQ(summary->tensors, Output().tensors.size());
  EXPECT_NEAR(static_cast<double>(summary->output_bytes),
              static_cast<double>(Output().tensor_bytes), 16 << 10);
  EXPECT_LT(summary->output_bytes, summary->input_bytes * 6 / 10);
  EXPECT_THAT(Files(), testing::ElementsAre("in.gguf", "out.gguf"));
}

TEST_F(QuantizerTest, TellsTheSizesBeforeItWrites) {
  const auto quantizer = Quantizer::Prepare(Options("q4_k_m"));

  ASSERT_THAT(quantizer, IsOk());
  EXPECT_GT(quantizer->summary().input_bytes, 0);
  EXPECT_LT(quantizer->summary().output_bytes, quantizer->summary().input_bytes / 2);
  EXPECT_THAT(Files(), testing::ElementsAre("in.gguf"));
}

TEST_F(QuantizerTest, TellsItsProgressTensorByTensor) {
  QuantizeOptions options = Options("q8_0");
  std::vector<double> told;
  std::vector<std::string> tensors;
  options.progress = [&](double part, const std::string& tensor) {
    told.push_back(part);
    tensors.push_back(tensor);
  };

  ASSERT_THAT(Run(options), IsOk());

  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_EQ(told.back(), 1);
  EXPECT_TRUE(std::ranges::contains(tensors, "blk.0.ffn_up.weight"));
}

TEST_F(QuantizerTest, TakesOtherTypesForSingleTensors) {
  QuantizeOptions options = Options("q4_k_m");
  options.token_embedding_type = GGML_TYPE_Q8_0;
  ASSERT_THAT(Run(options), IsOk());

  EXPECT_EQ(TypeOf("token_embd.weight"), "q8_0");
  EXPECT_EQ(TypeOf("blk.0.attn_q.weight"), "q4_K");
}

TEST_F(QuantizerTest, IsPureWhenAsked) {
  QuantizeOptions options = Options("q4_k_m");
  options.pure = true;
  ASSERT_THAT(Run(options), IsOk());

  for (const auto& tensor : Output().tensors) {
    if (tensor.dimensions.size() > 1) {
      EXPECT_EQ(tensor.type, "q4_K") << tensor.name;
    }
  }
}

TEST_F(QuantizerTest, LeavesLayersOut) {
  QuantizeOptions options = Options("q8_0");
  options.prune_layers = {1, 1};
  ASSERT_THAT(Run(options), IsOk());

  EXPECT_EQ(Output().layers, 2);
  EXPECT_EQ(TypeOf("blk.2.attn_q.weight"), "none");
}

TEST_F(QuantizerTest, RefusesLayersThatAreNotThereOrAllOfThem) {
  QuantizeOptions options = Options("q8_0");
  options.prune_layers = {3};
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 to 2")));
  options.prune_layers = {0, 1, 2};
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("left")));
}

TEST_F(QuantizerTest, RefusesAnOutputThatIsThereUnlessToldToReplaceIt) {
  QuantizeOptions options = Options("q8_0");
  ASSERT_THAT(Run(options), IsOk());
  options.type = *ParseQuantizeType("q4_0");

  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("out.gguf")));
  EXPECT_EQ(Output().quantization, "Q8_0");
  options.replace = true;
  EXPECT_THAT(Run(options), IsOk());
  EXPECT_EQ(Output().quantization, "Q4_0");
}

TEST_F(QuantizerTest, RefusesToWriteOverItsInput) {
  QuantizeOptions options = Options("q8_0");
  options.output = options.input;
  options.replace = true;

  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("input")));
}

TEST_F(QuantizerTest, RefusesWhatWasQuantisedBeforeUnlessAllowed) {
  ASSERT_THAT(Run(Options("q8_0")), IsOk());
  QuantizeOptions options = Options("q4_k_m");
  options.input = folder_ / "out.gguf";
  options.output = folder_ / "again.gguf";

  EXPECT_THAT(Run(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--allow-requantize")));
  EXPECT_THAT(Files(), testing::ElementsAre("in.gguf", "out.gguf"));
  options.allow_requantize = true;
  EXPECT_THAT(Run(options), IsOk());
}

TEST_F(QuantizerTest, RefusesTypesThatNeedAnImportanceMatrix) {
  EXPECT_THAT(Run(Options("iq2_xxs")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("importance matrix")));
  EXPECT_THAT(Files(), testing::ElementsAre("in.gguf"));
}

TEST_F(QuantizerTest, RefusesWhatIsNoModel) {
  QuantizeOptions options = Options("q8_0");
  options.input = folder_ / "text.gguf";
  std::ofstream(options.input) << "this is no model\n";
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text.gguf")));

  options.input = folder_ / "missing.gguf";
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.gguf")));

  options.input = folder_ / "in.gguf";
  options.output = folder_ / "nowhere" / "out.gguf";
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
}

class EachType : public QuantizerTest, public testing::WithParamInterface<QuantizeType> {};

// Those that want an importance matrix are refused; all others are written.
TEST_P(EachType, IsWrittenOrRefusedAsItsLineSays) {
  const auto done = Run(Options(GetParam().name));

  if (absl::StrContains(GetParam().what, "importance matrix")) {
    EXPECT_THAT(done,
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("importance matrix")));
    EXPECT_THAT(Files(), testing::ElementsAre("in.gguf"));
  } else {
    ASSERT_THAT(done, IsOk());
    EXPECT_EQ(Output().quantization, llama_ftype_name(GetParam().type));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EachType, testing::ValuesIn(QuantizeTypes()),
                         [](const auto& type) { return std::string(type.param.name); });

}  // namespace
}  // namespace chasqui::quantize
