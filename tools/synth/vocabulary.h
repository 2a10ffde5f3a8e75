// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chasqui::synth {

inline constexpr uint32_t kEndOfText = 0;    // "<|endoftext|>": begins a text, and ends one
inline constexpr uint32_t kStartOfTurn = 1;  // "<|im_start|>"
inline constexpr uint32_t kEndOfTurn = 2;    // "<|im_end|>"
inline constexpr uint32_t kSpecialTokens = 3;
// The special tokens and one for each byte.
inline constexpr uint32_t kSmallestVocabulary = kSpecialTokens + 256;
inline constexpr uint32_t kLargestVocabulary = 1U << 20;

// A byte-level vocabulary in the form GGUF wants it ("gpt2"): bytes are written as the printable
// characters that GPT-2 gave them. A value.
struct Vocabulary {
  std::vector<std::string> tokens;  // special ones, the 256 bytes, then one for each merge
  std::vector<std::string> merges;  // "left right", by rank; merge i makes token 259 + i
};

// ChatML, as Jinja; the built-in template of this family is applied by libllama.
extern const char kChatTemplate[];

// The character that stands for a byte, in UTF-8.
std::string ByteCharacter(uint8_t byte);

// The vocabulary of `size` tokens: always the same for a size, and the beginning of every larger
// one, so that models of equal size understand each other's tokens. The words are made up:
// syllables of ever greater length with and without a space before them, so that English text
// becomes about one token for two letters. Both parts of every merge are tokens and every byte is
// one; therefore each text has tokens, and the tokens give back the text. `size` as
// Validate(ModelShape) allows.
Vocabulary MakeVocabulary(uint32_t size);

}  // namespace chasqui::synth
