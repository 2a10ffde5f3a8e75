// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <llama-cpp.h>

#include "tools/synth/synth.h"

namespace chasqui::synth {

// A path in the test's own temporary folder.
std::filesystem::path TestPath(const std::string& name);

// A shape that is written and loaded in a few milliseconds.
ModelShape SmallShape();

// A model file in libllama, with a context for 64 tokens. Confined to the test's thread.
class LoadedModel {
 public:
  explicit LoadedModel(const std::filesystem::path& path);

  // Whether libllama took the file.
  bool ok() const { return context_ != nullptr; }
  const llama_model* model() const { return model_.get(); }
  const llama_vocab* vocab() const { return llama_model_get_vocab(model_.get()); }

  std::vector<llama_token> Tokenize(const std::string& text) const;
  std::string Detokenize(const std::vector<llama_token>& tokens) const;
  // The tokens that greedy decoding makes after `prompt`.
  std::vector<llama_token> Generate(std::vector<llama_token> prompt, int count);

 private:
  llama_model_ptr model_;
  llama_context_ptr context_;
};

}  // namespace chasqui::synth
