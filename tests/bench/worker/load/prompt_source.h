// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace chasqui::bench {

// Numbers from `least` to `most`, both included.
struct Range {
  uint32_t least = 0;
  uint32_t most = 0;
};

// Draws prompts and lengths from a seed: equal seeds give equal sequences. Thread-compatible.
class PromptSource {
 public:
  // `vocabulary`: of a synthetic model; more than 300.
  PromptSource(uint32_t vocabulary, uint64_t seed) : vocabulary_(vocabulary), random_(seed) {}

  // Words: no markers, no single bytes.
  std::vector<uint32_t> Tokens(uint32_t count);

  uint32_t Number(Range range);

 private:
  const uint32_t vocabulary_;
  std::mt19937_64 random_;
};

}  // namespace chasqui::bench
