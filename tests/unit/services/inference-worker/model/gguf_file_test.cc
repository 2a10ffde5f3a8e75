// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/gguf_file.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "services/inference-worker/model/fingerprint.h"
#include "services/inference-worker/model/model.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class GgufFileTest : public testing::Test {
 protected:
  GgufFileTest()
      : folder_(fs::path(testing::TempDir()) / absl::StrCat("gguf_file_test.", getpid())) {
    TinyModel();  // libllama's log is quiet from here on
    fs::create_directories(folder_);
  }
  ~GgufFileTest() override { fs::remove_all(folder_); }

  // A copy of the tiny model cut or changed.
  std::string Copy(std::uintmax_t size, std::streamoff changed_at = -1) {
    const fs::path path = folder_ / "copy.gguf";
    fs::copy_file(TinyModelPath(), path, fs::copy_options::overwrite_existing);
    fs::resize_file(path, size);
    if (changed_at >= 0) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(changed_at);
      file.put('\x5A');
    }
    return path;
  }

  const fs::path folder_;
  const std::uintmax_t whole_ = fs::file_size(TinyModelPath());
};

TEST_F(GgufFileTest, ReadsTheHeader) {
  const auto facts = InspectGguf(TinyModelPath());

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->architecture, "llama");
  EXPECT_EQ(facts->train_context_tokens, 1024);
  EXPECT_EQ(facts->file_bytes, whole_);
  EXPECT_GT(facts->vocabulary_size, 256);
  EXPECT_FALSE(facts->kv_heads.empty());
  EXPECT_TRUE(facts->causal);
}

TEST_F(GgufFileTest, RefusesAFileThatIsNotThere) {
  EXPECT_EQ(InspectGguf(folder_ / "none.gguf").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(InspectGguf(folder_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(GgufFileTest, RefusesWhatIsNoGguf) {
  const fs::path path = folder_ / "text.gguf";
  std::ofstream(path) << "This is no model, however long the text may be.";

  const auto status = InspectGguf(path).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no GGUF file"));
}

TEST_F(GgufFileTest, RefusesAnEmptyFile) {
  EXPECT_EQ(InspectGguf(Copy(0)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(GgufFileTest, RefusesATruncatedFileWithTheSizes) {
  const auto status = InspectGguf(Copy(whole_ - 1000)).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("truncated"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::to_string(whole_ - 1000)));
}

TEST_F(GgufFileTest, RefusesEveryTruncatedHeader) {
  for (const std::uintmax_t size : {3, 8, 20, 100, 1000, 20'000})
    EXPECT_FALSE(InspectGguf(Copy(size)).ok()) << size;
}

TEST_F(GgufFileTest, FingerprintsByContent) {
  const auto of = [](const std::string& path) { return *Fingerprint(*InspectGguf(path)); };
  const std::string original = of(TinyModelPath());

  EXPECT_EQ(original.size(), 32);
  EXPECT_EQ(of(Copy(whole_)), original);
  EXPECT_NE(of(Copy(whole_, static_cast<std::streamoff>(whole_ - 1))), original);
}

TEST_F(GgufFileTest, SurvivesLoadingAModelWithABrokenHeader) {
  auto facts = *InspectGguf(TinyModelPath());
  facts.paths.front() = Copy(20'000);

  const auto model = Model::Load(facts, {}, nullptr);

  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), Not(testing::EndsWith(": ")));
}

TEST_F(GgufFileTest, LoadingCanBeCancelled) {
  const auto model = Model::Load(*InspectGguf(TinyModelPath()), {}, [](float) { return false; });

  EXPECT_EQ(model.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(GgufFileTest, LoadingTellsItsProgress) {
  std::vector<float> fractions;

  const auto model = Model::Load(*InspectGguf(TinyModelPath()), {}, [&](float fraction) {
    fractions.push_back(fraction);
    return true;
  });

  ASSERT_TRUE(model.ok());
  ASSERT_FALSE(fractions.empty());
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_FLOAT_EQ(fractions.back(), 1);
}

TEST(Ranks, WantsAHeadAndNoOtherPooling) {
  const struct {
    bool has_classifier;
    std::int32_t pooling;
    bool ranks;
  } cases[] = {
      {true, LLAMA_POOLING_TYPE_RANK, true},   {true, LLAMA_POOLING_TYPE_UNSPECIFIED, true},
      {true, LLAMA_POOLING_TYPE_CLS, false},   {true, LLAMA_POOLING_TYPE_NONE, false},
      {false, LLAMA_POOLING_TYPE_RANK, false}, {false, LLAMA_POOLING_TYPE_UNSPECIFIED, false},
  };
  for (const auto& c : cases) {
    GgufFacts facts;
    facts.has_classifier = c.has_classifier;
    facts.pooling = c.pooling;
    EXPECT_EQ(Ranks(facts), c.ranks) << c.has_classifier << " " << c.pooling;
  }
}

TEST(Model, TellsItsFacts) {
  const auto& facts = TinyModel()->facts();

  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.quantization, "Q8_0");
  EXPECT_EQ(facts.parameter_count, 3'672'320);
  EXPECT_EQ(facts.train_context_tokens, 1024);
  EXPECT_EQ(facts.vocabulary_size, TinyModel()->vocabulary().size());
  EXPECT_TRUE(facts.generates);
  EXPECT_FALSE(facts.ranks);
  EXPECT_TRUE(TinyModel()->chat_template().usable());
}

}  // namespace
}  // namespace chasqui::worker
