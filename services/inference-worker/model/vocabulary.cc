// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/vocabulary.h"

#include <array>

namespace chasqui::worker {

Vocabulary::Vocabulary(const llama_vocab* vocab)
    : vocab_(vocab), size_(static_cast<std::uint32_t>(llama_vocab_n_tokens(vocab))) {
  for (TokenId id = 0; id < static_cast<TokenId>(size_); ++id) {
    if (EndsGeneration(id)) {
      end_tokens_.push_back(id);
    } else if (IsMarker(id)) {
      inner_markers_.push_back(id);
    }
  }
  std::int32_t count = 0;
  const TokenId* suppressed = llama_vocab_get_suppress_tokens(vocab, &count);
  if (suppressed != nullptr) suppressed_tokens_.assign(suppressed, suppressed + count);
}

TokenIds Vocabulary::Tokenize(std::string_view text, Markers markers) const {
  TokenIds tokens(text.size() + 8);  // one byte is at most one token, but for a leading space
  const auto tokenize = [&] {
    return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()),
                          tokens.data(), static_cast<std::int32_t>(tokens.size()),
                          /*add_special=*/false, markers == Markers::kAreTokens);
  };
  std::int32_t count = tokenize();
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-count));
    count = tokenize();
  }
  tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
  return tokens;
}

void Vocabulary::AddBegin(TokenIds& tokens) const {
  const TokenId begin = llama_vocab_bos(vocab_);
  if (!llama_vocab_get_add_bos(vocab_) || begin == LLAMA_TOKEN_NULL) return;
  if (tokens.empty() || tokens.front() != begin) tokens.insert(tokens.begin(), begin);
}

void Vocabulary::AddEnd(TokenIds& tokens) const {
  TokenId end = LLAMA_TOKEN_NULL;
  if (llama_vocab_get_add_eos(vocab_)) end = llama_vocab_eos(vocab_);
  if (llama_vocab_get_add_sep(vocab_)) end = llama_vocab_sep(vocab_);
  if (end == LLAMA_TOKEN_NULL) return;
  if (tokens.empty() || tokens.back() != end) tokens.push_back(end);
}

std::string Vocabulary::Piece(TokenId token, bool special) const {
  std::array<char, 64> buffer;
  const std::int32_t size = llama_token_to_piece(
      vocab_, token, buffer.data(), static_cast<std::int32_t>(buffer.size()), 0, special);
  if (size >= 0) return {buffer.data(), static_cast<std::size_t>(size)};

  std::string piece(static_cast<std::size_t>(-size), '\0');
  llama_token_to_piece(vocab_, token, piece.data(), -size, 0, special);
  return piece;
}

std::string Vocabulary::Detokenize(const TokenIds& tokens, bool special) const {
  std::string text(tokens.size() * 4 + 16, '\0');
  const auto detokenize = [&] {
    return llama_detokenize(vocab_, tokens.data(), static_cast<std::int32_t>(tokens.size()),
                            text.data(), static_cast<std::int32_t>(text.size()),
                            /*remove_special=*/false, special);
  };
  std::int32_t size = detokenize();
  if (size < 0) {
    text.resize(static_cast<std::size_t>(-size));
    size = detokenize();
  }
  text.resize(static_cast<std::size_t>(std::max(size, 0)));
  return text;
}

bool Vocabulary::IsMarker(TokenId token) const {
  return (llama_vocab_get_attr(vocab_, token) &
          (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
}

}  // namespace chasqui::worker
