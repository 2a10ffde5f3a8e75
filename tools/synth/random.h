// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace chasqui::synth {

// A stream of random numbers that is the same on every machine (SplitMix64, Steele et al. 2014).
// Not for secrets. A value; thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  // Fills `values` with numbers around 0 that spread by `deviation`, nearly normal: each is the sum
  // of four uniform ones, which is all that random weights need and several times faster.
  void FillNormal(std::span<float> values, float deviation);

 private:
  uint64_t state_;
};

// The seed of one part of a model, such as a tensor, from the model's seed.
uint64_t SeedOf(uint64_t seed, std::string_view part);

}  // namespace chasqui::synth
