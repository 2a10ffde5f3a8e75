// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/random.h"

#include <cmath>

namespace chasqui::synth {

void Random::FillNormal(std::span<float> values, float deviation) {
  // A uniform number of 0..65535 has the variance (65536^2 - 1) / 12; four of them, four times
  // that.
  static const float kUnit = 1.0F / std::sqrt((65536.0F * 65536.0F - 1.0F) / 3.0F);
  constexpr float kMean = 4 * 65535.0F / 2;
  const float scale = deviation * kUnit;
  for (float& value : values) {
    const uint64_t bits = Next();
    const auto sum = static_cast<uint32_t>((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) +
                                           ((bits >> 32) & 0xFFFF) + (bits >> 48));
    value = (static_cast<float>(sum) - kMean) * scale;
  }
}

uint64_t SeedOf(uint64_t seed, std::string_view part) {
  uint64_t hash = 0xCBF29CE484222325 ^ seed;  // FNV-1a, then mixed once
  for (char c : part) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return Random(hash).Next();
}

}  // namespace chasqui::synth
