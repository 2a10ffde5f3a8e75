// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/synth/loaded_model.h"

#include <algorithm>

#include <ggml-backend.h>
#include <gtest/gtest.h>

namespace chasqui::synth {

std::filesystem::path TestPath(const std::string& name) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) /
      (std::string("chasqui-") + info->test_suite_name() + "-" + info->name());
  std::filesystem::create_directories(folder);
  return folder / name;
}

ModelShape SmallShape() {
  return {.layers = 2,
          .embedding = 256,
          .heads = 4,
          .kv_heads = 2,
          .feed_forward = 512,
          .vocabulary = 2000,
          .context = 256};
}

LoadedModel::LoadedModel(const std::filesystem::path& path) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  ggml_backend_load_all();
  llama_model_params params = llama_model_default_params();
  model_.reset(llama_model_load_from_file(path.c_str(), params));
  if (model_ == nullptr) return;
  llama_context_params context = llama_context_default_params();
  context.n_ctx = 64;
  context.n_threads = 1;
  context.n_threads_batch = 1;
  context_.reset(llama_init_from_model(model_.get(), context));
}

std::vector<llama_token> LoadedModel::Tokenize(const std::string& text) const {
  std::vector<llama_token> tokens(text.size() + 1);
  const int32_t size =
      llama_tokenize(vocab(), text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                     static_cast<int32_t>(tokens.size()), false, false);
  tokens.resize(std::max(size, 0));
  return tokens;
}

std::string LoadedModel::Detokenize(const std::vector<llama_token>& tokens) const {
  std::string text;
  for (llama_token token : tokens) {
    char piece[64];
    const int32_t size = llama_token_to_piece(vocab(), token, piece, sizeof(piece), 0, false);
    text.append(piece, std::max(size, 0));
  }
  return text;
}

std::vector<llama_token> LoadedModel::Generate(std::vector<llama_token> prompt, int count) {
  std::vector<llama_token> generated;
  for (int i = 0; i < count; ++i) {
    llama_batch batch = llama_batch_get_one(prompt.data(), static_cast<int32_t>(prompt.size()));
    if (llama_decode(context_.get(), batch) != 0) break;
    const float* logits = llama_get_logits_ith(context_.get(), -1);
    const float* best = std::max_element(logits, logits + llama_vocab_n_tokens(vocab()));
    generated.push_back(static_cast<llama_token>(best - logits));
    prompt = {generated.back()};
  }
  return generated;
}

}  // namespace chasqui::synth
