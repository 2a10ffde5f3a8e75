// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/adapter.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "services/inference-worker/model/model.h"
#include "tests/support/inference-worker/synth_adapter.h"
#include "tests/support/inference-worker/synth_model.h"
#include "tests/support/inference-worker/tiny_model.h"
#include "tools/synth/adapter.h"

namespace chasqui::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AdapterTest : public testing::Test {
 protected:
  AdapterTest() : gguf_((TinyModel(), *InspectGguf(TinyModelPath()))) {}

  absl::StatusOr<std::shared_ptr<const Model>> Load(std::vector<AdapterFile> adapters) const {
    LoadOptions options;
    options.adapters = std::move(adapters);
    return Model::Load(gguf_, options, nullptr);
  }

  // What is said when the model is loaded with this file as its adapter.
  absl::Status ErrorOf(const std::string& path) const {
    const absl::Status error = Load({{.name = "poet", .path = path}}).status();
    EXPECT_THAT(error.message(),
                AllOf(HasSubstr("\"poet\""), HasSubstr(TinyModelPath()), HasSubstr(path)));
    return error;
  }

  const GgufFacts gguf_;
};

TEST_F(AdapterTest, IsFoundByItsName) {
  const auto model = Load({{.name = "terse", .path = TinyAdapterPath(1), .scale = 0.5F},
                           {.name = "poet", .path = TinyAdapterPath(2)}});
  ASSERT_TRUE(model.ok()) << model.status();

  ASSERT_EQ((*model)->adapters().size(), 2);
  EXPECT_EQ((*model)->adapters()[0].name, "poet");
  const Adapter* terse = (*model)->FindAdapter("terse");
  ASSERT_NE(terse, nullptr);
  EXPECT_EQ(terse->scale, 0.5F);
  EXPECT_NE(terse->lora, (*model)->FindAdapter("poet")->lora);
  EXPECT_EQ((*model)->FindAdapter("ters"), nullptr);
}

TEST_F(AdapterTest, BelongsToTheFingerprint) {
  const std::string plain = TinyModel()->facts().fingerprint;
  const AdapterFile one{.name = "one", .path = TinyAdapterPath(1)};
  const AdapterFile two{.name = "two", .path = TinyAdapterPath(2)};
  const auto with = [&](std::vector<AdapterFile> files) {
    return *FingerprintWith(plain, files, gguf_);
  };

  EXPECT_EQ(with({}), plain);
  EXPECT_EQ(with({one}).size(), plain.size());
  EXPECT_NE(with({one}), plain);
  EXPECT_EQ(with({one, two}), with({two, one}));
  EXPECT_NE(with({one, two}), with({one}));
  EXPECT_NE(with({{.name = "one", .path = two.path}}), with({one}));
  EXPECT_NE(with({{.name = "one", .path = one.path, .scale = 0.5F}}), with({one}));
  EXPECT_EQ((*Load({one}))->facts().fingerprint, with({one}));
}

TEST_F(AdapterTest, ThatIsNotThereIsAnError) {
  EXPECT_EQ(ErrorOf("/nowhere/poet.gguf").code(), absl::StatusCode::kNotFound);
}

TEST_F(AdapterTest, ThatIsAModelIsAnError) {
  const absl::Status error = ErrorOf(SynthModelPath(synth::ModelKind::kEmbedding));

  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("not an adapter"));
}

TEST_F(AdapterTest, ForAnotherArchitectureIsAnError) {
  const absl::Status error = ErrorOf(ForeignAdapterPath());

  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("qwen3"), HasSubstr("llama")));
}

TEST_F(AdapterTest, ForAModelOfAnotherShapeIsAnError) {
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto path = folder / absl::StrCat("other-shape-", getpid(), ".gguf");
  ASSERT_TRUE(
      synth::WriteAdapter({.model = SynthModelPath(synth::ModelKind::kText), .output = path}).ok());

  const absl::Status error = ErrorOf(path.string());

  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("shape"));
  std::filesystem::remove(path);
}

TEST_F(AdapterTest, ThatIsCutShortIsAnError) {
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto path = folder / absl::StrCat("cut-", getpid(), ".gguf");
  std::filesystem::copy_file(TinyAdapterPath(), path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1000);

  EXPECT_THAT(ErrorOf(path.string()).message(), HasSubstr("truncated"));
  std::filesystem::remove(path);
}

TEST_F(AdapterTest, ThatIsNoGgufFileIsAnError) {
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto path = folder / absl::StrCat("text-", getpid(), ".gguf");
  std::ofstream(path) << "no adapter";

  EXPECT_EQ(ErrorOf(path.string()).code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace chasqui::worker
