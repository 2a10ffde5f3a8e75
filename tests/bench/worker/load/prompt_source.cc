// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/prompt_source.h"

namespace chasqui::bench {
namespace {

constexpr uint32_t kFirstWord = 3 + 256;

}  // namespace

std::vector<uint32_t> PromptSource::Tokens(uint32_t count) {
  std::vector<uint32_t> tokens(count);
  for (uint32_t& token : tokens) token = Number({kFirstWord, vocabulary_ - 1});
  return tokens;
}

uint32_t PromptSource::Number(Range range) {
  // Not std::uniform_int_distribution: what it draws depends on the library.
  return range.least + static_cast<uint32_t>(random_() % (range.most - range.least + 1));
}

}  // namespace chasqui::bench
