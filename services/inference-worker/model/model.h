// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <llama-cpp.h>

#include "absl/status/statusor.h"
#include "services/inference-worker/model/adapter.h"
#include "services/inference-worker/model/chat_template.h"
#include "services/inference-worker/model/gguf_file.h"
#include "services/inference-worker/model/load_options.h"
#include "services/inference-worker/model/vocabulary.h"

namespace chasqui::worker {

// Facts about a loaded model.
struct ModelFacts {
  std::string path;
  std::string fingerprint;
  std::string architecture;
  std::string quantization;
  std::uint64_t parameter_count = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t train_context_tokens = 0;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t embedding_length = 0;
  std::uint32_t layer_count = 0;
  bool generates = true;  // else for embeddings or ranking only
  bool ranks = false;     // it scores documents, and does nothing else
};

// A model in memory: weights, vocabulary, chat template, adapters. Shared by the engines and
// embedders that compute with it. Immutable, thread-safe. Decides nothing about memory: ask
// EstimateMemory before.
class Model {
 public:
  // Told how much is read, 0 to 1; loading ends with CANCELLED when it answers false. Called on the
  // thread that loads.
  using Progress = std::function<bool(float fraction)>;

  // INVALID_ARGUMENT with libllama's reason when the file cannot be loaded, UNIMPLEMENTED for kinds
  // of models that the engine does not run; of adapters as LoadAdapters. Blocks for as long as
  // loading takes.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(const GgufFacts& gguf,
                                                           const LoadOptions& options,
                                                           const Progress& progress);

  // libllama takes the model of a context as one that may be written to, and does not write.
  llama_model* get() const { return model_.get(); }
  const ModelFacts& facts() const { return facts_; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  const ChatTemplate& chat_template() const { return *chat_template_; }
  // Those that requests may ask for, by name.
  const std::vector<Adapter>& adapters() const { return adapters_; }
  // nullptr when it has none of this name.
  const Adapter* FindAdapter(std::string_view name) const;

 private:
  Model() = default;

  llama_model_ptr model_;
  std::vector<Adapter> adapters_;  // owned by it
  ModelFacts facts_;
  std::optional<Vocabulary> vocabulary_;
  std::optional<ChatTemplate> chat_template_;
};

}  // namespace chasqui::worker
