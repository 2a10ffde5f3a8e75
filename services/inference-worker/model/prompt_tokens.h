// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "services/inference-worker/model/chat_template.h"
#include "services/inference-worker/model/vocabulary.h"

namespace chasqui::worker {

// The tokens of a text to continue: markers in it stay text, and the begin-of-sequence token is put
// before it where the model wants one. Thread-safe.
TokenIds TokenizePrompt(const Vocabulary& vocabulary, std::string_view text);

// The tokens of a text to embed: as above, with the end-of-sequence token after it where the model
// wants one. Thread-safe.
TokenIds TokenizeForEmbedding(const Vocabulary& vocabulary, std::string_view text);

// The tokens of a filled-in template: its own markers become their tokens, those that the messages'
// text spells stay text. Where no message spells one, the text is tokenised in one piece, as the
// model was trained; else piece by piece. Thread-safe.
TokenIds TokenizePieces(const Vocabulary& vocabulary, const std::vector<PromptPiece>& pieces);

// The tokens of a rendered conversation: as above, after the begin-of-sequence token where the
// model wants one. Thread-safe.
TokenIds TokenizeChat(const Vocabulary& vocabulary, const std::vector<PromptPiece>& pieces);

}  // namespace chasqui::worker
