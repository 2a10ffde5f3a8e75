// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/prompt_tokens.h"

namespace chasqui::worker {
namespace {

void Append(const TokenIds& tokens, TokenIds& to) {
  to.insert(to.end(), tokens.begin(), tokens.end());
}

TokenIds MarkersIn(const Vocabulary& vocabulary, const TokenIds& tokens) {
  TokenIds markers;
  for (const TokenId token : tokens) {
    if (vocabulary.IsMarker(token)) markers.push_back(token);
  }
  return markers;
}

}  // namespace

TokenIds TokenizePrompt(const Vocabulary& vocabulary, std::string_view text) {
  TokenIds tokens = vocabulary.Tokenize(text, Markers::kAreText);
  vocabulary.AddBegin(tokens);
  return tokens;
}

TokenIds TokenizeForEmbedding(const Vocabulary& vocabulary, std::string_view text) {
  TokenIds tokens = TokenizePrompt(vocabulary, text);
  vocabulary.AddEnd(tokens);
  return tokens;
}

TokenIds TokenizePieces(const Vocabulary& vocabulary, const std::vector<PromptPiece>& pieces) {
  TokenIds by_piece;
  TokenIds markers;  // those of the template
  for (const auto& piece : pieces) {
    const auto as = piece.from_message ? Markers::kAreText : Markers::kAreTokens;
    const TokenIds tokens = vocabulary.Tokenize(piece.text, as);
    if (!piece.from_message) Append(MarkersIn(vocabulary, tokens), markers);
    Append(tokens, by_piece);
  }
  TokenIds tokens = vocabulary.Tokenize(JoinPieces(pieces), Markers::kAreTokens);
  if (MarkersIn(vocabulary, tokens) != markers) return by_piece;
  return tokens;
}

TokenIds TokenizeChat(const Vocabulary& vocabulary, const std::vector<PromptPiece>& pieces) {
  TokenIds tokens = TokenizePieces(vocabulary, pieces);
  vocabulary.AddBegin(tokens);
  return tokens;
}

}  // namespace chasqui::worker
