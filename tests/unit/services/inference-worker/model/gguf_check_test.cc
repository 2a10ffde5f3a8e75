// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/gguf_check.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "services/inference-worker/model/gguf_file.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Files made from the header of the tiny model, or from nothing.
class GgufCheck : public ::testing::Test {
 protected:
  GgufCheck()
      : path_(fs::path(::testing::TempDir()) /
              absl::StrCat("gguf_check_test.", getpid(), ".gguf")) {
    TinyModel();  // libllama's log is quiet from here on
  }
  ~GgufCheck() override { fs::remove(path_); }

  // What is said of a small model with one tensor, changed by `change`.
  std::string Refusal(const std::function<void(gguf_context*)>& change, const char* name = "w",
                      ggml_type type = GGML_TYPE_F32) const {
    gguf_context* const gguf = gguf_init_empty();
    gguf_set_val_str(gguf, "general.architecture", "llama");
    gguf_set_val_u32(gguf, "llama.block_count", 1);
    const char* tokens[] = {"a", "b", "", ""};
    gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", tokens, 4);
    ggml_context* const context = ggml_init({.mem_size = 1 << 20});
    ggml_tensor* const tensor = ggml_new_tensor_1d(context, type, 256);
    std::memset(tensor->data, 0, ggml_nbytes(tensor));
    ggml_set_name(tensor, name);
    gguf_add_tensor(gguf, tensor);
    change(gguf);
    EXPECT_TRUE(gguf_write_to_file(gguf, path_.c_str(), false));
    gguf_free(gguf);
    ggml_free(context);
    return Inspect();
  }
  std::string RefusalOf(const char* name, ggml_type type) const {
    return Refusal([](gguf_context*) {}, name, type);
  }

  // What is said of the tiny model when `bytes` stand `offset` behind the first `mark`.
  std::string RefusalAt(std::string_view mark, std::size_t offset, std::string_view bytes) const {
    std::ifstream in(TinyModelPath(), std::ios::binary);
    std::string file{std::istreambuf_iterator<char>(in), {}};
    file.replace(file.find(mark) + mark.size() + offset, bytes.size(), bytes);
    std::ofstream(path_, std::ios::binary) << file;
    return Inspect();
  }

  const fs::path path_;

 private:
  std::string Inspect() const {
    const absl::Status status = InspectGguf(path_).status();
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
};

TEST_F(GgufCheck, TakesWhatIsRight) {
  EXPECT_EQ(Refusal([](gguf_context*) {}), "");
  for (const ggml_type type : {GGML_TYPE_Q4_K, GGML_TYPE_IQ1_M, GGML_TYPE_BF16, GGML_TYPE_MXFP4,
                               GGML_TYPE_TQ2_0, GGML_TYPE_I32}) {
    EXPECT_EQ(RefusalOf("w", type), "") << ggml_type_name(type);
  }
}

TEST_F(GgufCheck, RefusesTypesOfIntermediateResults) {
  for (const ggml_type type : {GGML_TYPE_Q8_1, GGML_TYPE_Q8_K, GGML_TYPE_F64}) {
    EXPECT_THAT(RefusalOf("w", type),
                HasSubstr(absl::StrCat("tensor \"w\" has type ", ggml_type_name(type))));
  }
}

TEST_F(GgufCheck, RefusesNormsAndBiasesThatCannotBeApplied) {
  EXPECT_THAT(RefusalOf("blk.0.attn_norm.weight", GGML_TYPE_F16),
              HasSubstr("\"blk.0.attn_norm.weight\" has type f16, and must have f32"));
  EXPECT_THAT(RefusalOf("blk.0.attn_q.bias", GGML_TYPE_Q8_0), HasSubstr("must have f32"));
  EXPECT_EQ(RefusalOf("output_norm.weight", GGML_TYPE_F32), "");
}

// The table says of each tensor: its name, the number of dimensions, the dimensions, the type.
TEST_F(GgufCheck, RefusesTypesThatThereAreNot) {
  constexpr std::size_t kType = 4 + 2 * 8;
  for (const char type : {4, 5, 43, 127}) {
    EXPECT_THAT(RefusalAt("blk.0.attn_q.weight", kType, std::string({type, 0, 0, 0})),
                HasSubstr("attn_q"));
  }
}

TEST_F(GgufCheck, RefusesRowsThatAreNoWholeBlocks) {
  EXPECT_THAT(RefusalAt("blk.0.attn_q.weight", 4, std::string({31, 0, 0, 0})), HasSubstr("block"));
}

TEST_F(GgufCheck, RefusesTensorsBeyondTheEndOfTheFile) {
  // Of the last tensor, so that the places of the others stay right.
  std::ifstream in(TinyModelPath(), std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const gguf_context* gguf =
      gguf_init_from_file(TinyModelPath().c_str(), {.no_alloc = true, .ctx = nullptr});
  const std::string last = gguf_get_tensor_name(gguf, gguf_get_n_tensors(gguf) - 1);
  gguf_free(const_cast<gguf_context*>(gguf));

  EXPECT_THAT(RefusalAt(last, 4 + 2, std::string({1})), HasSubstr("truncated"));
}

// They go into messages and descriptions, which are UTF-8.
TEST_F(GgufCheck, KeepsTextsThatAreNoneOutOfMessages) {
  EXPECT_THAT(RefusalOf("w\xff", GGML_TYPE_F64), HasSubstr("tensor \"w?\""));
  EXPECT_THAT(
      Refusal([](gguf_context* gguf) { gguf_set_val_str(gguf, "general.architecture", "ll\xff"); }),
      HasSubstr("its architecture is no word"));
}

TEST_F(GgufCheck, RefusesNumbersOfLayersThatLibllamaDoesNotTake) {
  for (const std::uint32_t layers : {0U, 513U, 0x8200'0004U}) {
    EXPECT_THAT(
        Refusal([=](gguf_context* gguf) { gguf_set_val_u32(gguf, "llama.block_count", layers); }),
        HasSubstr(absl::StrCat("llama.block_count must be 1 to 512, not ", layers)));
  }
  EXPECT_THAT(Refusal([](gguf_context* gguf) { gguf_remove_key(gguf, "llama.block_count"); }),
              HasSubstr("it has no llama.block_count"));
  EXPECT_THAT(
      Refusal([](gguf_context* gguf) { gguf_set_val_str(gguf, "llama.block_count", "many"); }),
      HasSubstr("llama.block_count is no number"));
}

TEST_F(GgufCheck, RefusesTokensThatAreTheSame) {
  const char* tokens[] = {"a", "b", "c", "b"};
  const std::int32_t numbers[] = {1, 2};

  EXPECT_THAT(Refusal([&](gguf_context* gguf) {
                gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", tokens, 4);
              }),
              HasSubstr("tokens 1 and 3 are the same"));
  EXPECT_THAT(Refusal([&](gguf_context* gguf) {
                gguf_set_arr_data(gguf, "tokenizer.ggml.tokens", GGUF_TYPE_INT32, numbers, 2);
              }),
              HasSubstr("tokenizer.ggml.tokens is no list of texts"));
}

}  // namespace
}  // namespace chasqui::worker
