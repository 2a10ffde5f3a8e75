// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chasqui::inference::v1 {
class SamplingOptions;
}

namespace chasqui::worker {

// Penalties against tokens of the last ones. Neutral as made.
struct PenaltyParams {
  std::uint32_t last_n = 64;
  float repeat = 1.0F;
  float frequency = 0.0F;
  float presence = 0.0F;

  bool active() const {
    return last_n > 0 && (repeat != 1.0F || frequency != 0.0F || presence != 0.0F);
  }
};

// A penalty against repeated sequences. Off while multiplier is 0.
struct DryParams {
  float multiplier = 0.0F;
  float base = 1.75F;
  std::uint32_t allowed_length = 2;
  std::uint32_t last_n = 0;  // 0: the whole context
  std::vector<std::string> sequence_breakers = {"\n", ":", "\"", "*"};

  bool active() const { return multiplier > 0; }
};

struct MirostatParams {
  float tau = 5.0F;
  float eta = 0.1F;
};

// How the next token is chosen: chasqui.inference.v1.SamplingOptions with its defaults filled in,
// checked by common/inference. The comments there say what each number means.
struct SamplingParams {
  float temperature = 0.8F;
  std::uint32_t top_k = 40;  // 0: all
  float top_p = 0.95F;
  float min_p = 0.05F;
  float typical_p = 1.0F;
  float top_n_sigma = 0.0F;
  float dynamic_temperature_range = 0.0F;
  float dynamic_temperature_exponent = 1.0F;
  float xtc_probability = 0.0F;
  float xtc_threshold = 0.1F;
  PenaltyParams penalties;
  DryParams dry;
  std::optional<MirostatParams> mirostat;
  std::vector<std::pair<std::int32_t, float>> logit_bias;  // by token id
  std::uint64_t seed = 0;

  bool greedy() const { return temperature == 0; }
};

// `seed` stands in when the options have none.
SamplingParams ResolveSampling(const inference::v1::SamplingOptions& options, std::uint64_t seed);

}  // namespace chasqui::worker
