// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/adapter.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tests/unit/tools/synth/loaded_model.h"
#include "tools/synth/inspect.h"
#include "tools/synth/synth.h"

namespace chasqui::synth {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::HasSubstr;

class WriteAdapterTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteModel({.shape = SmallShape(),
                            .type = WeightType::kF16,
                            .output = TestPath("model.gguf"),
                            .threads = 1}),
                IsOk());
  }

  static AdapterOptions Options(uint64_t seed = 1) {
    return {.model = TestPath("model.gguf"), .seed = seed, .output = TestPath("adapter.gguf")};
  }

  static std::string Written(const AdapterOptions& options) {
    EXPECT_THAT(WriteAdapter(options), IsOk());
    std::ifstream stream(options.output, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
};

TEST_F(WriteAdapterTest, IsTakenByLibllama) {
  ASSERT_THAT(WriteAdapter(Options()), IsOk());
  LoadedModel model(TestPath("model.gguf"));
  ASSERT_TRUE(model.ok());

  // libllama takes it as one that may be written to; the adapter goes with it.
  auto* const base = const_cast<llama_model*>(model.model());
  EXPECT_NE(llama_adapter_lora_init(base, Options().output.c_str()), nullptr);
}

TEST_F(WriteAdapterTest, HasTwoTensorsForEachThatItIsOver) {
  ASSERT_THAT(WriteAdapter(Options()), IsOk());

  const auto summary = InspectModel(Options().output);

  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->tensors.size(), 2 * 3 * SmallShape().layers);
  EXPECT_EQ(summary->tensors[0].name.substr(summary->tensors[0].name.size() - 7), ".lora_a");
  EXPECT_EQ(summary->tensors[0].dimensions[1], 4);
}

TEST_F(WriteAdapterTest, IsTheSameForTheSameSeedOnly) {
  const std::string first = Written(Options(1));

  EXPECT_EQ(Written(Options(1)), first);
  EXPECT_NE(Written(Options(2)), first);
}

TEST_F(WriteAdapterTest, RefusesWhatIsNoModel) {
  AdapterOptions options = Options();
  options.model = TestPath("nothing.gguf");
  EXPECT_THAT(WriteAdapter(options), StatusIs(absl::StatusCode::kNotFound));

  options.model = TestPath("text.gguf");
  std::ofstream(options.model) << "text";
  EXPECT_THAT(WriteAdapter(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(WriteAdapterTest, RefusesWrongOptions) {
  AdapterOptions options = Options();
  options.rank = 0;
  EXPECT_THAT(WriteAdapter(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rank")));
  options = Options();
  options.strength = 0;
  EXPECT_THAT(WriteAdapter(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("strength")));
}

}  // namespace
}  // namespace chasqui::synth
