// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/inspect.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tests/unit/tools/synth/loaded_model.h"
#include "tools/synth/synth.h"

namespace chasqui::synth {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::HasSubstr;

std::filesystem::path WriteSmallModel() {
  const std::filesystem::path path = TestPath("model.gguf");
  EXPECT_THAT(WriteModel({.shape = SmallShape(), .name = "small", .output = path, .threads = 1}),
              IsOk());
  return path;
}

std::filesystem::path WriteText(const std::string& text) {
  const std::filesystem::path path = TestPath("file.gguf");
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(InspectModel, TellsTheShape) {
  const std::filesystem::path path = WriteSmallModel();

  const absl::StatusOr<ModelSummary> summary = InspectModel(path);

  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->architecture, "llama");
  EXPECT_EQ(summary->name, "small");
  EXPECT_EQ(summary->quantization, "Q8_0");
  EXPECT_EQ(summary->parameter_count, ParameterCount(SmallShape()));
  EXPECT_EQ(summary->layers, 2U);
  EXPECT_EQ(summary->kv_heads, 2U);
  EXPECT_EQ(summary->vocabulary, 2000U);
  EXPECT_EQ(summary->tokenizer, "gpt2");
  EXPECT_TRUE(summary->has_chat_template);
  EXPECT_EQ(summary->file_bytes, std::filesystem::file_size(path));
}

TEST(InspectModel, TellsTensorsAndTheirTypes) {
  const absl::StatusOr<ModelSummary> summary = InspectModel(WriteSmallModel());

  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->tensors.size(), 2U * 9 + 2);
  const auto down =
      std::ranges::find(summary->tensors, "blk.1.ffn_down.weight", &TensorEntry::name);
  ASSERT_NE(down, summary->tensors.end());
  EXPECT_EQ(down->type, "q8_0");
  EXPECT_THAT(down->dimensions, testing::ElementsAre(512, 256));
  ASSERT_EQ(summary->types.size(), 2U);
  EXPECT_EQ(summary->types[0].type, "q8_0");
  EXPECT_EQ(summary->types[1].tensors, 5U);
}

TEST(InspectModel, ShowsValuesAsText) {
  const absl::StatusOr<ModelSummary> summary = InspectModel(WriteSmallModel());

  ASSERT_THAT(summary, IsOk());
  const auto entry = [&summary](std::string_view key) {
    return *std::ranges::find(summary->metadata, key, &MetadataEntry::key);
  };
  EXPECT_EQ(entry("llama.block_count").value, "2");
  EXPECT_EQ(entry("tokenizer.ggml.add_bos_token").value, "true");
  EXPECT_EQ(entry("tokenizer.ggml.tokens").type, "arr[str]");
  EXPECT_EQ(entry("tokenizer.ggml.tokens").elements, 2000U);
  EXPECT_THAT(entry("tokenizer.ggml.token_type").value, "[3, 3, 3, 1, 1, ...]");
}

TEST(InspectModel, SaysThatAFileIsMissing) {
  EXPECT_THAT(InspectModel(TestPath("none.gguf")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.gguf")));
}

TEST(InspectModel, SaysThatAFolderIsNoFile) {
  EXPECT_THAT(InspectModel(TestPath("none.gguf").parent_path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a folder")));
}

TEST(InspectModel, SaysWhatAnotherFileBeginsWith) {
  EXPECT_THAT(InspectModel(WriteText("PK\x03\x04 and more")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begins with \"PK")));
  EXPECT_THAT(InspectModel(WriteText("")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is empty")));
}

TEST(InspectModel, SaysThatTheHeadIsDamaged) {
  const std::filesystem::path path = WriteSmallModel();
  std::filesystem::resize_file(path, 1000);

  EXPECT_THAT(InspectModel(path),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is damaged")));
}

TEST(InspectModel, SaysWhereTheWeightsAreCutOff) {
  const std::filesystem::path path = WriteSmallModel();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);

  EXPECT_THAT(InspectModel(path),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is cut off")));
}

}  // namespace
}  // namespace chasqui::synth
