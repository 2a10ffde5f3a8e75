// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <llama-cpp.h>

#include "absl/status/statusor.h"
#include "services/inference-worker/model/vocabulary.h"
#include "services/inference-worker/sampling/candidates.h"

namespace chasqui::worker {

// A GBNF grammar and how far the text has followed it. Checking a token costs about a microsecond,
// checking a whole vocabulary milliseconds: choose first, check then. To libllama a control token
// is as good as the text of its name, which is no part of the answer: such tokens are not allowed,
// unless they are visible, or the grammar itself names tokens. Thread-compatible.
class Grammar {
 public:
  // INVALID_ARGUMENT on `field` with the parser's words when `gbnf` does not parse. `vocabulary`
  // outlives the grammar; the answer shows the names of `visible_markers`.
  static absl::StatusOr<std::unique_ptr<Grammar>> Parse(const Vocabulary& vocabulary,
                                                        const std::string& gbnf,
                                                        std::string_view field,
                                                        const TokenIds& visible_markers = {});

  bool Allows(TokenId token);

  // Removes the candidates that are not allowed.
  void Keep(Candidates& candidates);
  // Sets the logits of tokens that are not allowed to -infinity.
  void Mask(std::span<float> logits);

  // The text goes on with `token`. False when the grammar does not allow it; it is then unusable.
  bool Accept(TokenId token);

  // Whether the grammar is so ambiguous that following the text takes too long: an ambiguity may
  // double libllama's states with every character, and is not to be seen before. No answer should
  // go on with it.
  bool overrun() const { return overrun_; }

 private:
  Grammar(llama_sampler_ptr sampler, TokenIds hidden)
      : sampler_(std::move(sampler)), hidden_(std::move(hidden)) {}
  void Apply();
  bool IsHidden(TokenId token) const;

  llama_sampler_ptr sampler_;
  const TokenIds hidden_;                 // never allowed; in order
  std::vector<llama_token_data> tokens_;  // kept to spare the allocation
  bool overrun_ = false;
};

}  // namespace chasqui::worker
