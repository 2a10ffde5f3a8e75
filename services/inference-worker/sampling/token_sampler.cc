// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/token_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status_macros.h"
#include "services/inference-worker/sampling/random_draw.h"

namespace chasqui::worker {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Without top-k, tokens a billion times less likely than the likeliest are left out: sorting the
// vocabulary would cost more than all the other steps.
constexpr float kFarLogit = 20.7F;

// How many of the likeliest tokens a greedy choice shows to the grammar before it masks them all.
constexpr std::size_t kGreedyProbe = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<TokenSampler>> TokenSampler::Create(const Vocabulary& vocabulary,
                                                                   SamplerSpec spec,
                                                                   std::uint32_t context_tokens) {
  std::unique_ptr<Grammar> grammar;
  if (!spec.grammar.empty()) {
    ABSL_ASSIGN_OR_RETURN(grammar, Grammar::Parse(vocabulary, spec.grammar, "output_format.grammar",
                                                  spec.visible_markers));
  }
  return std::unique_ptr<TokenSampler>(
      new TokenSampler(vocabulary, std::move(spec), context_tokens, std::move(grammar)));
}

TokenSampler::TokenSampler(const Vocabulary& vocabulary, SamplerSpec spec,
                           std::uint32_t context_tokens, std::unique_ptr<Grammar> grammar)
    : vocabulary_(vocabulary), spec_(std::move(spec)), grammar_(std::move(grammar)) {
  const SamplingParams& params = spec_.params;
  if (params.penalties.active()) penalties_.emplace(params.penalties);
  if (params.dry.active()) dry_.emplace(vocabulary, params.dry, context_tokens);
  if (params.mirostat) mirostat_mu_ = 2 * params.mirostat->tau;
}

void TokenSampler::AcceptPrompt(TokenId token) {
  if (penalties_) penalties_->Accept(token);
  if (dry_) dry_->Accept(token);
}

bool TokenSampler::Accept(TokenId token) {
  AcceptPrompt(token);
  if (spec_.params.mirostat)
    mirostat_mu_ -= spec_.params.mirostat->eta * (mirostat_surprise_ - spec_.params.mirostat->tau);
  return !grammar_ || grammar_->Accept(token);
}

std::optional<TokenId> TokenSampler::Sample(std::span<float> logits, std::uint64_t position) {
  Adjust(logits, position);
  const auto choice = Choose(logits, position);
  if (!choice || !grammar_ || grammar_->Allows(*choice)) return choice;
  return ChooseAllowed(logits, position);
}

void TokenSampler::Adjust(std::span<float> logits, std::uint64_t position) {
  const auto set = [&](const TokenIds& tokens) {
    for (const TokenId token : tokens) logits[static_cast<std::size_t>(token)] = kNever;
  };
  for (const auto& [token, bias] : spec_.params.logit_bias)
    logits[static_cast<std::size_t>(token)] += bias;
  set(vocabulary_.suppressed_tokens());
  if (spec_.ignore_eos || position < spec_.min_tokens) set(vocabulary_.end_tokens());
  if (penalties_) penalties_->Apply(logits);
  if (dry_) dry_->Apply(logits);
}

std::optional<TokenId> TokenSampler::ChooseAllowed(std::span<float> logits,
                                                   std::uint64_t position) {
  if (spec_.params.greedy()) {
    SelectTop(logits, kGreedyProbe, kNever, candidates_);
    grammar_->Keep(candidates_);
    if (!candidates_.empty()) return candidates_.front().id;
  }
  grammar_->Mask(logits);
  return Choose(logits, position);
}

std::optional<TokenId> TokenSampler::Choose(std::span<const float> logits, std::uint64_t position) {
  const SamplingParams& params = spec_.params;
  const TokenId best = ArgMax(logits);
  if (best < 0) return std::nullopt;
  if (params.greedy()) return best;

  const std::size_t k = params.mirostat ? 0 : params.top_k;
  const float hottest = std::max(1.0F, params.temperature + params.dynamic_temperature_range);
  float least = k > 0 ? kNever : logits[static_cast<std::size_t>(best)] - kFarLogit * hottest;
  if (params.top_n_sigma > 0)
    least = std::max(least, LeastWithinSigmas(logits, params.top_n_sigma));
  SelectTop(logits, k, least, candidates_);

  if (!params.mirostat) Truncate(position);
  ApplyTemperature(candidates_, Temperature());
  Normalize(candidates_);
  if (params.mirostat) {
    KeepUnsurprising(candidates_, mirostat_mu_);
    Normalize(candidates_);
  }
  const Candidate& drawn =
      Draw(candidates_, UniformDraw(params.seed, position, DrawPurpose::kToken));
  mirostat_surprise_ = -std::log2(drawn.probability);
  return drawn.id;
}

void TokenSampler::Truncate(std::uint64_t position) {
  const SamplingParams& params = spec_.params;
  Normalize(candidates_);
  if (params.typical_p < 1) {
    KeepTypical(candidates_, params.typical_p);
    Normalize(candidates_);
  }
  if (params.top_p < 1) KeepTopP(candidates_, params.top_p);
  KeepMinP(candidates_, params.min_p);
  if (params.xtc_probability > 0 &&
      UniformDraw(params.seed, position, DrawPurpose::kExcludeTopChoices) <
          params.xtc_probability) {
    Normalize(candidates_);
    ExcludeTopChoices(candidates_, params.xtc_threshold);
  }
}

float TokenSampler::Temperature() {
  const SamplingParams& params = spec_.params;
  if (params.dynamic_temperature_range <= 0) return params.temperature;
  Normalize(candidates_);
  return DynamicTemperature(candidates_, params.temperature, params.dynamic_temperature_range,
                            params.dynamic_temperature_exponent);
}

}  // namespace chasqui::worker
