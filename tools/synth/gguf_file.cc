// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/gguf_file.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <ggml-cpp.h>
#include <llama.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "tools/synth/random.h"
#include "tools/synth/vocabulary.h"

namespace chasqui::synth {
namespace {

constexpr size_t kChunk = size_t{1} << 20;  // weights made at a time

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// A tensor to come. `columns` is the dimension that lies together in memory.
struct TensorPlan {
  std::string name;
  int64_t columns;
  int64_t rows;     // 0: a vector
  float deviation;  // of the weights; 0: all are 1

  int64_t size() const { return columns * std::max<int64_t>(rows, 1); }
};

// A matrix keeps the size of what it maps, times `gain`, when its weights spread by
// 1 / sqrt(columns).
TensorPlan Matrix(std::string name, int64_t columns, int64_t rows, float gain = 1) {
  return {std::move(name), columns, rows, gain / std::sqrt(static_cast<float>(columns))};
}

TensorPlan Norm(std::string name, int64_t columns) { return {std::move(name), columns, 0, 0}; }

std::vector<TensorPlan> PlanTensors(const ModelShape& shape) {
  const int64_t width = shape.embedding;
  const int64_t kv_width = width / shape.heads * shape.kv_heads;
  // Small against what the layers add to it: the output is tied to the embedding, and would
  // otherwise always choose the token that came last.
  std::vector<TensorPlan> plan = {{"token_embd.weight", width, shape.vocabulary, 0.1F}};
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string block = absl::StrCat("blk.", layer, ".");
    plan.push_back(Norm(block + "attn_norm.weight", width));
    // Each head looks at few positions, chosen by what stands there and where. Heads that average
    // all positions would hide the past, and the same few tokens would follow each other forever.
    plan.push_back(Matrix(block + "attn_q.weight", width, width, 4));
    plan.push_back(Matrix(block + "attn_k.weight", width, kv_width));
    plan.push_back(Matrix(block + "attn_v.weight", width, kv_width, 2));
    plan.push_back(Matrix(block + "attn_output.weight", width, width));
    plan.push_back(Norm(block + "ffn_norm.weight", width));
    plan.push_back(Matrix(block + "ffn_gate.weight", width, shape.feed_forward));
    plan.push_back(Matrix(block + "ffn_up.weight", width, shape.feed_forward));
    plan.push_back(Matrix(block + "ffn_down.weight", shape.feed_forward, width));
  }
  plan.push_back(Norm("output_norm.weight", width));
  return plan;
}

void SetStrings(gguf_context* gguf, const char* key, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::string& value : values) pointers.push_back(value.c_str());
  gguf_set_arr_str(gguf, key, pointers.data(), pointers.size());
}

void SetShape(gguf_context* gguf, const ModelShape& shape) {
  gguf_set_val_u32(gguf, "llama.vocab_size", shape.vocabulary);
  gguf_set_val_u32(gguf, "llama.context_length", shape.context);
  gguf_set_val_u32(gguf, "llama.embedding_length", shape.embedding);
  gguf_set_val_u32(gguf, "llama.block_count", shape.layers);
  gguf_set_val_u32(gguf, "llama.feed_forward_length", shape.feed_forward);
  gguf_set_val_u32(gguf, "llama.rope.dimension_count", shape.embedding / shape.heads);
  gguf_set_val_f32(gguf, "llama.rope.freq_base", shape.rope_base);
  gguf_set_val_u32(gguf, "llama.attention.head_count", shape.heads);
  gguf_set_val_u32(gguf, "llama.attention.head_count_kv", shape.kv_heads);
  gguf_set_val_f32(gguf, "llama.attention.layer_norm_rms_epsilon", shape.rms_epsilon);
}

void SetTokenizer(gguf_context* gguf, uint32_t vocabulary_size) {
  const Vocabulary vocabulary = MakeVocabulary(vocabulary_size);
  std::vector<int32_t> types(vocabulary_size, LLAMA_TOKEN_TYPE_NORMAL);
  std::fill_n(types.begin(), kSpecialTokens, LLAMA_TOKEN_TYPE_CONTROL);
  gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
  gguf_set_val_str(gguf, "tokenizer.ggml.pre", "gpt-2");
  SetStrings(gguf, "tokenizer.ggml.tokens", vocabulary.tokens);
  gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
  SetStrings(gguf, "tokenizer.ggml.merges", vocabulary.merges);
  gguf_set_val_u32(gguf, "tokenizer.ggml.bos_token_id", kEndOfText);
  gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", kEndOfText);
  gguf_set_val_u32(gguf, "tokenizer.ggml.eot_token_id", kEndOfTurn);
  gguf_set_val_u32(gguf, "tokenizer.ggml.padding_token_id", kEndOfText);
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", true);
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_eos_token", false);
  gguf_set_val_str(gguf, "tokenizer.chat_template", kChatTemplate);
}

gguf_context_ptr MakeHeader(const GgufContent& content, const std::vector<TensorPlan>& plan) {
  gguf_context_ptr gguf(gguf_init_empty());
  gguf_set_val_str(gguf.get(), "general.architecture", "llama");
  gguf_set_val_str(gguf.get(), "general.type", "model");
  gguf_set_val_str(gguf.get(), "general.name", content.name.c_str());
  gguf_set_val_str(gguf.get(), "general.description", "Random weights, for tests and benchmarks");
  gguf_set_val_u32(gguf.get(), "general.file_type",
                   content.half ? LLAMA_FTYPE_MOSTLY_F16 : LLAMA_FTYPE_ALL_F32);
  SetShape(gguf.get(), content.shape);
  SetTokenizer(gguf.get(), content.shape.vocabulary);
  const ggml_context_ptr tensors(ggml_init(
      {.mem_size = ggml_tensor_overhead() * plan.size(), .mem_buffer = nullptr, .no_alloc = true}));
  for (const TensorPlan& entry : plan) {
    const ggml_type type = content.half && entry.rows > 0 ? GGML_TYPE_F16 : GGML_TYPE_F32;
    ggml_tensor* tensor = entry.rows > 0
                              ? ggml_new_tensor_2d(tensors.get(), type, entry.columns, entry.rows)
                              : ggml_new_tensor_1d(tensors.get(), type, entry.columns);
    ggml_set_name(tensor, entry.name.c_str());
    gguf_add_tensor(gguf.get(), tensor);
  }
  return gguf;
}

absl::Status FileError(const std::filesystem::path& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path.string()));
}

// Makes and writes the weights of one tensor at the end of the file. False as fwrite fails.
bool WriteTensor(std::FILE* file, const TensorPlan& plan, ggml_type type, uint64_t seed) {
  Random random(SeedOf(seed, plan.name));
  std::vector<float> weights(std::min<size_t>(plan.size(), kChunk), 1.0F);
  std::vector<ggml_fp16_t> halves(type == GGML_TYPE_F16 ? weights.size() : 0);
  size_t bytes = 0;
  for (size_t done = 0; done < static_cast<size_t>(plan.size()); done += weights.size()) {
    weights.resize(std::min(weights.size(), plan.size() - done));
    if (plan.deviation > 0) random.FillNormal(weights, plan.deviation);
    const void* data = weights.data();
    if (type == GGML_TYPE_F16) {
      ggml_fp32_to_fp16_row(weights.data(), halves.data(), static_cast<int64_t>(weights.size()));
      data = halves.data();
    }
    const size_t size = weights.size() * ggml_type_size(type);
    if (std::fwrite(data, 1, size, file) != size) return false;
    bytes += size;
  }
  constexpr char kPadding[GGUF_DEFAULT_ALIGNMENT] = {};
  const size_t padding = GGML_PAD(bytes, GGUF_DEFAULT_ALIGNMENT) - bytes;
  return std::fwrite(kPadding, 1, padding, file) == padding;
}

}  // namespace

absl::Status WriteGgufFile(const GgufContent& content, const std::filesystem::path& path,
                           const std::function<void(double)>& progress) {
  const std::vector<TensorPlan> plan = PlanTensors(content.shape);
  const gguf_context_ptr header = MakeHeader(content, plan);
  File file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr || !gguf_write_to_file_ptr(header.get(), file.get(), /*only_meta=*/true)) {
    return FileError(path);
  }
  uint64_t done = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    const ggml_type type = gguf_get_tensor_type(header.get(), static_cast<int64_t>(i));
    if (!WriteTensor(file.get(), plan[i], type, content.seed)) return FileError(path);
    done += plan[i].size();
    if (progress) {
      progress(static_cast<double>(done) / static_cast<double>(ParameterCount(content.shape)));
    }
  }
  if (std::fclose(file.release()) != 0) return FileError(path);
  return absl::OkStatus();
}

}  // namespace chasqui::synth
