// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/rank_prompt.h"

#include <string>
#include <utility>
#include <vector>

#include "services/inference-worker/model/prompt_tokens.h"

namespace chasqui::worker {
namespace {

// The template cut at its places, with what stands there. What is filled in is not looked at again:
// a query may well contain "{document}".
std::vector<PromptPiece> Fill(std::string_view source, std::string_view query,
                              std::string_view document) {
  const std::pair<std::string_view, std::string_view> places[] = {{"{query}", query},
                                                                  {"{document}", document}};
  std::vector<PromptPiece> pieces;
  while (!source.empty()) {
    std::size_t nearest = std::string_view::npos;
    std::pair<std::string_view, std::string_view> place;
    for (const auto& candidate : places) {
      const std::size_t at = source.find(candidate.first);
      if (at < nearest) {
        nearest = at;
        place = candidate;
      }
    }
    pieces.push_back({std::string(source.substr(0, nearest)), false});
    if (nearest == std::string_view::npos) break;
    pieces.push_back({std::string(place.second), true});
    source.remove_prefix(nearest + place.first.size());
  }
  std::erase_if(pieces, [](const PromptPiece& piece) { return piece.text.empty(); });
  return pieces;
}

TokenIds Join(const Vocabulary& vocabulary, std::string_view query, std::string_view document) {
  const llama_vocab* vocab = vocabulary.get();
  TokenIds tokens;
  const auto add = [&tokens](bool wanted, TokenId token) {
    if (wanted && token != LLAMA_TOKEN_NULL) tokens.push_back(token);
  };
  const auto add_text = [&](std::string_view text) {
    const TokenIds some = vocabulary.Tokenize(text, Markers::kAreText);
    tokens.insert(tokens.end(), some.begin(), some.end());
  };
  const TokenId separator = llama_vocab_sep(vocab);
  const TokenId end =
      llama_vocab_eos(vocab) == LLAMA_TOKEN_NULL ? separator : llama_vocab_eos(vocab);
  add(llama_vocab_get_add_bos(vocab), llama_vocab_bos(vocab));
  add_text(query);
  add(llama_vocab_get_add_eos(vocab), end);
  add(llama_vocab_get_add_sep(vocab), separator);
  add_text(document);
  add(llama_vocab_get_add_eos(vocab), end);
  return tokens;
}

}  // namespace

TokenIds MakeRankPrompt(const Model& model, std::string_view query, std::string_view document) {
  const char* source = llama_model_chat_template(model.get(), "rerank");
  if (source == nullptr) return Join(model.vocabulary(), query, document);
  return TokenizePieces(model.vocabulary(), Fill(source, query, document));
}

}  // namespace chasqui::worker
