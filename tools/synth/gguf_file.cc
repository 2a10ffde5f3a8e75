// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/gguf_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ggml-cpp.h>
#include <llama.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "tools/synth/random.h"
#include "tools/synth/tensor_plan.h"
#include "tools/synth/vocabulary.h"

namespace chasqui::synth {
namespace {

// What it is asked with, and how its answer begins: the head reads off the last token.
constexpr const char* kRerankTemplate =
    "<|im_start|>system\nJudge whether the document answers the query.<|im_end|>\n"
    "<|im_start|>user\nQuery: {query}\nDocument: {document}<|im_end|>\n<|im_start|>assistant\n";

constexpr size_t kChunk = size_t{1} << 20;  // weights made at a time

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

bool IsEncoder(ModelKind kind) {
  return kind == ModelKind::kEmbedding || kind == ModelKind::kReranker;
}

void SetStrings(gguf_context* gguf, const char* key, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::string& value : values) pointers.push_back(value.c_str());
  gguf_set_arr_str(gguf, key, pointers.data(), pointers.size());
}

void SetShape(gguf_context* gguf, ModelKind kind, const ModelShape& shape) {
  const auto key = [kind](std::string_view name) {
    return absl::StrCat(NameOf(kind).architecture, ".", name);
  };
  const auto number = [&](std::string_view name, uint32_t value) {
    gguf_set_val_u32(gguf, key(name).c_str(), value);
  };
  const auto real = [&](std::string_view name, float value) {
    gguf_set_val_f32(gguf, key(name).c_str(), value);
  };
  number("vocab_size", shape.vocabulary);
  number("context_length", shape.context);
  number("embedding_length", shape.embedding);
  number("block_count", shape.layers);
  number("feed_forward_length", shape.feed_forward);
  if (!IsEncoder(kind)) {
    number("rope.dimension_count", shape.embedding / shape.heads);
    real("rope.freq_base", shape.rope_base);
  }
  number("attention.head_count", shape.heads);
  number("attention.head_count_kv", shape.kv_heads);
  if (IsEncoder(kind)) {
    real("attention.layer_norm_epsilon", shape.rms_epsilon);
    gguf_set_val_bool(gguf, key("attention.causal").c_str(), false);
  } else {
    real("attention.layer_norm_rms_epsilon", shape.rms_epsilon);
  }
  if (kind == ModelKind::kPromptReranker) {
    number("attention.key_length", shape.embedding / shape.heads);
    number("attention.value_length", shape.embedding / shape.heads);
    SetStrings(gguf, key("classifier.output_labels").c_str(), {"yes", "no"});
  }
  if (kind == ModelKind::kEmbedding) number("pooling_type", LLAMA_POOLING_TYPE_CLS);
  if (kind == ModelKind::kReranker || kind == ModelKind::kPromptReranker)
    number("pooling_type", LLAMA_POOLING_TYPE_RANK);
}

// How texts begin, end, and are kept apart.
void SetSpecialTokens(gguf_context* gguf, ModelKind kind) {
  const bool encoder = IsEncoder(kind);
  gguf_set_val_u32(gguf, "tokenizer.ggml.bos_token_id", kEndOfText);
  gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", encoder ? kEndOfTurn : kEndOfText);
  if (encoder) {
    gguf_set_val_u32(gguf, "tokenizer.ggml.token_type_count", 1);
    gguf_set_val_u32(gguf, "tokenizer.ggml.cls_token_id", kEndOfText);
    gguf_set_val_u32(gguf, "tokenizer.ggml.seperator_token_id", kStartOfTurn);  // GGUF's spelling
  } else {
    gguf_set_val_u32(gguf, "tokenizer.ggml.eot_token_id", kEndOfTurn);
  }
  gguf_set_val_u32(gguf, "tokenizer.ggml.padding_token_id", kEndOfText);
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", true);
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_eos_token", encoder);
  if (encoder)
    gguf_set_val_bool(gguf, "tokenizer.ggml.add_sep_token", kind == ModelKind::kReranker);
  if (!encoder) gguf_set_val_str(gguf, "tokenizer.chat_template", kChatTemplate);
  if (kind == ModelKind::kPromptReranker)
    gguf_set_val_str(gguf, "tokenizer.chat_template.rerank", kRerankTemplate);
}

void SetTokenizer(gguf_context* gguf, ModelKind kind, uint32_t vocabulary_size) {
  const Vocabulary vocabulary = MakeVocabulary(vocabulary_size);
  std::vector<int32_t> types(vocabulary_size, LLAMA_TOKEN_TYPE_NORMAL);
  std::fill_n(types.begin(), kSpecialTokens, LLAMA_TOKEN_TYPE_CONTROL);
  gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
  gguf_set_val_str(gguf, "tokenizer.ggml.pre", "gpt-2");
  SetStrings(gguf, "tokenizer.ggml.tokens", vocabulary.tokens);
  gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
  SetStrings(gguf, "tokenizer.ggml.merges", vocabulary.merges);
  SetSpecialTokens(gguf, kind);
}

gguf_context_ptr MakeHeader(const GgufContent& content, const std::vector<TensorPlan>& plan) {
  gguf_context_ptr gguf(gguf_init_empty());
  gguf_set_val_str(gguf.get(), "general.architecture",
                   std::string(NameOf(content.kind).architecture).c_str());
  gguf_set_val_str(gguf.get(), "general.type", "model");
  gguf_set_val_str(gguf.get(), "general.name", content.name.c_str());
  gguf_set_val_str(gguf.get(), "general.description", "Random weights, for tests and benchmarks");
  gguf_set_val_u32(gguf.get(), "general.file_type",
                   content.half ? LLAMA_FTYPE_MOSTLY_F16 : LLAMA_FTYPE_ALL_F32);
  SetShape(gguf.get(), content.kind, content.shape);
  SetTokenizer(gguf.get(), content.kind, content.shape.vocabulary);
  const ggml_context_ptr tensors(ggml_init(
      {.mem_size = ggml_tensor_overhead() * plan.size(), .mem_buffer = nullptr, .no_alloc = true}));
  for (const TensorPlan& entry : plan) {
    const bool half = content.half && entry.rows > 0 && !entry.exact;
    const ggml_type type = half ? GGML_TYPE_F16 : GGML_TYPE_F32;
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
  const std::vector<TensorPlan> plan = PlanTensors(content.kind, content.shape);
  const gguf_context_ptr header = MakeHeader(content, plan);
  File file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr || !gguf_write_to_file_ptr(header.get(), file.get(), /*only_meta=*/true)) {
    return FileError(path);
  }
  uint64_t all = 0;
  for (const TensorPlan& tensor : plan) all += tensor.size();
  uint64_t done = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    const ggml_type type = gguf_get_tensor_type(header.get(), static_cast<int64_t>(i));
    if (!WriteTensor(file.get(), plan[i], type, content.seed)) return FileError(path);
    done += plan[i].size();
    if (progress) progress(static_cast<double>(done) / static_cast<double>(all));
  }
  if (std::fclose(file.release()) != 0) return FileError(path);
  return absl::OkStatus();
}

}  // namespace chasqui::synth
