// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/sampling_params.h"

#include <algorithm>

#include "chasqui/inference/v1/sampling.pb.h"

namespace chasqui::worker {
namespace {

PenaltyParams Resolve(const inference::v1::RepetitionPenalties& options) {
  PenaltyParams params;
  if (options.has_last_n()) params.last_n = options.last_n();
  if (options.has_repeat()) params.repeat = options.repeat();
  if (options.has_frequency()) params.frequency = options.frequency();
  if (options.has_presence()) params.presence = options.presence();
  return params;
}

DryParams Resolve(const inference::v1::DryOptions& options) {
  DryParams params;
  params.multiplier = options.multiplier();
  if (options.has_base()) params.base = options.base();
  if (options.has_allowed_length()) params.allowed_length = options.allowed_length();
  params.last_n = options.last_n();
  if (options.sequence_breakers_size() > 0) {
    params.sequence_breakers.assign(options.sequence_breakers().begin(),
                                    options.sequence_breakers().end());
  }
  return params;
}

}  // namespace

SamplingParams ResolveSampling(const inference::v1::SamplingOptions& options, std::uint64_t seed) {
  SamplingParams params;
  if (options.has_temperature()) params.temperature = options.temperature();
  if (options.has_top_k()) params.top_k = options.top_k();
  if (options.has_top_p()) params.top_p = options.top_p();
  if (options.has_min_p()) params.min_p = options.min_p();
  if (options.has_typical_p()) params.typical_p = options.typical_p();
  if (options.has_top_n_sigma()) params.top_n_sigma = options.top_n_sigma();
  if (options.has_dynamic_temperature_range())
    params.dynamic_temperature_range = options.dynamic_temperature_range();
  if (options.has_dynamic_temperature_exponent())
    params.dynamic_temperature_exponent = options.dynamic_temperature_exponent();
  if (options.has_penalties()) params.penalties = Resolve(options.penalties());
  if (options.has_dry()) params.dry = Resolve(options.dry());
  if (options.has_xtc()) {
    params.xtc_probability = options.xtc().probability();
    if (options.xtc().has_threshold()) params.xtc_threshold = options.xtc().threshold();
  }
  if (options.has_mirostat()) {
    params.mirostat.emplace();
    if (options.mirostat().has_tau()) params.mirostat->tau = options.mirostat().tau();
    if (options.mirostat().has_eta()) params.mirostat->eta = options.mirostat().eta();
  }
  for (const auto& [token, bias] : options.logit_bias())
    params.logit_bias.emplace_back(static_cast<std::int32_t>(token), bias);
  std::ranges::sort(params.logit_bias);  // a proto map has no order
  params.seed = options.has_seed() ? options.seed() : seed;
  return params;
}

}  // namespace chasqui::worker
