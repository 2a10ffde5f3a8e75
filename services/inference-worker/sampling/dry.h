// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <llama-cpp.h>

#include "absl/container/flat_hash_set.h"
#include "services/inference-worker/model/vocabulary.h"
#include "services/inference-worker/sampling/sampling_params.h"

namespace chasqui::worker {

// DRY: lowers the logits of tokens that would extend a sequence seen before. libllama's sampler,
// which is given only the tokens that occurred: it changes no others. Thread-compatible.
class Dry {
 public:
  Dry(const Vocabulary& vocabulary, const DryParams& params, std::uint32_t context_tokens);

  void Accept(TokenId token);
  void Apply(std::span<float> logits);

 private:
  llama_sampler_ptr sampler_;
  absl::flat_hash_set<TokenId> seen_;
  std::vector<llama_token_data> candidates_;  // kept to spare the allocation
};

}  // namespace chasqui::worker
