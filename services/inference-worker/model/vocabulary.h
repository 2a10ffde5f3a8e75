// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <llama.h>

#include "absl/status/statusor.h"

namespace chasqui::worker {

using TokenId = llama_token;
using TokenIds = std::vector<TokenId>;

// How a text becomes tokens.
enum class Markers { kAreText, kAreTokens };

// A model's tokens. A view of the model, which outlives it. Thread-safe.
class Vocabulary {
 public:
  explicit Vocabulary(const llama_vocab* vocab);

  const llama_vocab* get() const { return vocab_; }
  std::uint32_t size() const { return size_; }
  bool Contains(std::uint64_t id) const { return id < size_; }

  // The tokens of `text`, without begin- and end-of-sequence. Markers such as "<|im_start|>" become
  // their tokens or stay text.
  TokenIds Tokenize(std::string_view text, Markers markers) const;

  // Puts the begin-of-sequence token before `tokens` where the model wants one and it is not there.
  void AddBegin(TokenIds& tokens) const;
  // Puts the end-of-sequence token after `tokens` where the model wants one and it is not there.
  void AddEnd(TokenIds& tokens) const;

  // The bytes of a token, which need not be whole characters. Control tokens are empty, or written
  // out with `special`.
  std::string Piece(TokenId token, bool special) const;

  // The text of `tokens`, in bytes.
  std::string Detokenize(const TokenIds& tokens, bool special) const;

  bool EndsGeneration(TokenId token) const { return llama_vocab_is_eog(vocab_, token); }
  // Whether the token is a marker, which no text but its own name gives.
  bool IsMarker(TokenId token) const;

  // The markers that do not end the generation, in order.
  const TokenIds& inner_markers() const { return inner_markers_; }
  // The tokens that end the generation.
  const TokenIds& end_tokens() const { return end_tokens_; }
  // The tokens that the model must not generate.
  const TokenIds& suppressed_tokens() const { return suppressed_tokens_; }

 private:
  const llama_vocab* vocab_;
  std::uint32_t size_;
  TokenIds inner_markers_;
  TokenIds end_tokens_;
  TokenIds suppressed_tokens_;
};

}  // namespace chasqui::worker
