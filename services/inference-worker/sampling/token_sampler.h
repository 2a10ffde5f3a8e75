// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "services/inference-worker/sampling/dry.h"
#include "services/inference-worker/sampling/grammar.h"
#include "services/inference-worker/sampling/penalties.h"
#include "services/inference-worker/sampling/sampling_params.h"

namespace chasqui::worker {

// What a sampler is made for.
struct SamplerSpec {
  SamplingParams params;
  std::string grammar;           // GBNF; empty: none
  TokenIds visible_markers;      // control tokens whose names are part of the text
  std::uint32_t min_tokens = 0;  // end of generation is not chosen before
  bool ignore_eos = false;       // end of generation is never chosen
};

// Chooses the tokens of one answer. Made once a request; all it allocates while running is kept.
// The token at position i depends on the logits, the tokens before it, the seed and i only. The one
// exception is mirostat, whose target moves with the probabilities of the tokens before.
// Thread-compatible.
class TokenSampler {
 public:
  // INVALID_ARGUMENT when the grammar does not parse. `vocabulary` outlives the sampler.
  static absl::StatusOr<std::unique_ptr<TokenSampler>> Create(const Vocabulary& vocabulary,
                                                              SamplerSpec spec,
                                                              std::uint32_t context_tokens);

  // A token of the prompt.
  void AcceptPrompt(TokenId token);

  // The token at `position` of the answer; changes `logits`. Nothing when no token is left.
  std::optional<TokenId> Sample(std::span<float> logits, std::uint64_t position);

  // The answer goes on with `token`: the one sampled, or one of a broken stream that is replayed.
  // False when the grammar forbids it.
  bool Accept(TokenId token);

  // Whether following the grammar takes too long: no answer should go on with it.
  bool grammar_overrun() const { return grammar_ && grammar_->overrun(); }

  const SamplingParams& params() const { return spec_.params; }

 private:
  TokenSampler(const Vocabulary& vocabulary, SamplerSpec spec, std::uint32_t context_tokens,
               std::unique_ptr<Grammar> grammar);

  void Adjust(std::span<float> logits, std::uint64_t position);
  std::optional<TokenId> Choose(std::span<const float> logits, std::uint64_t position);
  std::optional<TokenId> ChooseAllowed(std::span<float> logits, std::uint64_t position);
  void Truncate(std::uint64_t position);
  float Temperature();

  const Vocabulary& vocabulary_;
  const SamplerSpec spec_;
  std::unique_ptr<Grammar> grammar_;
  std::optional<Penalties> penalties_;
  std::optional<Dry> dry_;
  float mirostat_mu_ = 0;        // in bits
  float mirostat_surprise_ = 0;  // of the token sampled last
  Candidates candidates_;
};

}  // namespace chasqui::worker
