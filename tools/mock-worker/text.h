// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/time/clock.h"

namespace chasqui::mock_worker {

inline constexpr uint32_t kVocabulary = 32000;

// What the mock model says: a function of the prompt and the position alone, so that any mock
// worker continues what another one began.
struct MockToken {
  uint32_t id = 0;   // below kVocabulary
  std::string text;  // a word and a space, or `bytes` characters

  bool operator==(const MockToken&) const = default;
};

// Identifies a prompt.
uint64_t PromptHash(std::string_view prompt);

// The id of the token at `position` of candidate `index` of the answer.
uint32_t TokenIdAt(uint64_t prompt_hash, uint32_t index, uint64_t position);

// The token itself, its text of `bytes` characters; 0: one word.
MockToken TokenAt(uint64_t prompt_hash, uint32_t index, uint64_t position, uint64_t bytes);

// When something was sent, as a text of fixed length: nanoseconds of the machine's steady clock, so
// that a receiver on the same machine can tell how long it took.
std::string SendStamp(time::SteadyTime now);

// Reads a stamp from the beginning of `text`.
std::optional<time::SteadyTime> ReadStamp(std::string_view text);

}  // namespace chasqui::mock_worker
