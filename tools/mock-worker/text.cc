// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/text.h"

#include <array>
#include <chrono>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace chasqui::mock_worker {
namespace {

constexpr size_t kStampLength = 20;
constexpr std::array<std::string_view, 16> kSyllables = {"cha", "ski", "wa", "ta", "qi", "lla",
                                                         "pu",  "ma",  "yu", "ri", "ko", "no",
                                                         "su",  "hua", "ka", "pi"};

uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t HashAt(uint64_t prompt_hash, uint32_t index, uint64_t position) {
  return Mix(prompt_hash + 0x9E3779B97F4A7C15 * (position + 1) + (uint64_t{index} << 48));
}

void AppendWord(uint64_t hash, std::string& text) {
  for (uint64_t syllables = 1 + hash % 3; syllables > 0; --syllables) {
    hash /= 3;
    text += kSyllables[hash % kSyllables.size()];
    hash /= kSyllables.size();
  }
  text += ' ';
}

}  // namespace

uint64_t PromptHash(std::string_view prompt) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char c : prompt) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return Mix(hash);
}

uint32_t TokenIdAt(uint64_t prompt_hash, uint32_t index, uint64_t position) {
  return static_cast<uint32_t>((HashAt(prompt_hash, index, position) >> 32) % kVocabulary);
}

MockToken TokenAt(uint64_t prompt_hash, uint32_t index, uint64_t position, uint64_t bytes) {
  uint64_t hash = HashAt(prompt_hash, index, position);
  MockToken token{.id = TokenIdAt(prompt_hash, index, position), .text = {}};
  token.text.reserve(bytes + 16);
  do {
    AppendWord(hash & 0xFFFFFFFF, token.text);
    hash = Mix(hash + 1);
  } while (token.text.size() < bytes);
  if (bytes > 0) token.text.resize(bytes);
  return token;
}

std::string SendStamp(time::SteadyTime now) {
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  return absl::StrFormat("%0*d", static_cast<int>(kStampLength), ns);
}

std::optional<time::SteadyTime> ReadStamp(std::string_view text) {
  int64_t ns = 0;
  if (text.size() < kStampLength || !absl::SimpleAtoi(text.substr(0, kStampLength), &ns)) {
    return std::nullopt;
  }
  return time::SteadyTime(std::chrono::nanoseconds(ns));
}

}  // namespace chasqui::mock_worker
