// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/random_draw.h"

namespace chasqui::worker {
namespace {

std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

double UniformDraw(std::uint64_t seed, std::uint64_t position, DrawPurpose purpose) {
  constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;
  constexpr std::uint64_t kPurposes = 2;
  const std::uint64_t index = kPurposes * position + static_cast<std::uint64_t>(purpose) + 1;
  const std::uint64_t bits = Mix(Mix(seed + kStep) + index * kStep);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

std::uint64_t CandidateSeed(std::uint64_t seed, std::uint32_t candidate) {
  return candidate == 0 ? seed : Mix(Mix(seed) + candidate);
}

}  // namespace chasqui::worker
