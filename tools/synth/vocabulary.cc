// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/vocabulary.h"

#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "tools/synth/random.h"

namespace chasqui::synth {
namespace {

constexpr std::string_view kLetters = "etaoinshrdlucmfwygpbvkxqjz";  // by frequency in English
constexpr uint64_t kSeed = 0x6368617371756921;  // the vocabulary is the same for every model
constexpr size_t kLongestToken = 14;            // letters; beyond, texts have no use for a token

std::string Utf8(uint32_t code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 63))};
}

bool IsPrintable(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Adds merges, each the sum of two tokens, until the vocabulary has its size.
class Builder {
 public:
  Builder(Vocabulary& vocabulary, uint32_t size) : vocabulary_(vocabulary), size_(size) {}

  bool full() const { return vocabulary_.tokens.size() >= size_; }

  void Merge(const std::string& left, const std::string& right) {
    std::string token = left + right;
    if (full() || !known_.insert(token).second) return;
    vocabulary_.merges.push_back(absl::StrCat(left, " ", right));
    (left.starts_with(space_) ? spaced_ : plain_).push_back(token);
    vocabulary_.tokens.push_back(std::move(token));
  }

  // All pairs of letters, and what a space before a letter or a pair makes.
  void MergePairs() {
    for (char letter : kLetters) Merge(space_, std::string(1, letter));
    for (char left : kLetters) {
      for (char right : kLetters) Merge(std::string(1, left), std::string(1, right));
    }
    const std::vector<std::string> pairs = plain_;
    for (const std::string& pair : pairs) Merge(space_, pair);
  }

  // Any two tokens drawn at random, the right one without a space.
  void MergeAnyTwo(Random& random) {
    const std::vector<std::string>& lefts = random.Next() % 2 == 0 ? plain_ : spaced_;
    const std::string& left = lefts[random.Next() % lefts.size()];
    const std::string& right = plain_[random.Next() % plain_.size()];
    if (left.size() + right.size() <= kLongestToken) Merge(std::string(left), std::string(right));
  }

 private:
  Vocabulary& vocabulary_;
  const uint32_t size_;
  const std::string space_ = ByteCharacter(' ');
  absl::flat_hash_set<std::string> known_;
  std::vector<std::string> plain_;   // merged, without a space
  std::vector<std::string> spaced_;  // merged, beginning in a space
};

}  // namespace

const char kChatTemplate[] =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

std::string ByteCharacter(uint8_t byte) {
  if (IsPrintable(byte)) return Utf8(byte);
  uint32_t unprintable_before = 0;
  for (uint32_t other = 0; other < byte; ++other) unprintable_before += IsPrintable(other) ? 0 : 1;
  return Utf8(256 + unprintable_before);
}

Vocabulary MakeVocabulary(uint32_t size) {
  Vocabulary vocabulary{.tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, .merges = {}};
  vocabulary.tokens.reserve(size);
  for (uint32_t byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.push_back(ByteCharacter(static_cast<uint8_t>(byte)));
  }
  Builder builder(vocabulary, size);
  builder.MergePairs();
  Random random(kSeed);
  while (!builder.full()) builder.MergeAnyTwo(random);
  return vocabulary;
}

}  // namespace chasqui::synth
