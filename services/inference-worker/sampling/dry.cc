// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/dry.h"

namespace chasqui::worker {

Dry::Dry(const Vocabulary& vocabulary, const DryParams& params, std::uint32_t context_tokens) {
  std::vector<const char*> breakers;
  for (const auto& breaker : params.sequence_breakers) breakers.push_back(breaker.c_str());
  const std::uint32_t last_n = params.last_n > 0 ? params.last_n : context_tokens;
  sampler_.reset(llama_sampler_init_dry(vocabulary.get(), params.multiplier, params.base,
                                        static_cast<std::int32_t>(params.allowed_length),
                                        static_cast<std::int32_t>(last_n), breakers.data(),
                                        breakers.size()));
}

void Dry::Accept(TokenId token) {
  llama_sampler_accept(sampler_.get(), token);
  seen_.insert(token);
}

void Dry::Apply(std::span<float> logits) {
  candidates_.clear();
  for (const TokenId id : seen_)
    candidates_.push_back({id, logits[static_cast<std::size_t>(id)], 0});
  llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
  llama_sampler_apply(sampler_.get(), &array);
  for (std::size_t i = 0; i < array.size; ++i)
    logits[static_cast<std::size_t>(array.data[i].id)] = array.data[i].logit;
}

}  // namespace chasqui::worker
