// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// The tokens with which a model is asked for the score of a document, in the form that llama-server
// gives them. A model that carries a template named "rerank" gets that one with its {query} and
// {document} filled in; markers in either stay text. Any other gets
//   BOS query EOS SEP document EOS
// of which BOS, EOS and SEP only where its vocabulary says that it adds them; SEP stands in for an
// EOS that there is not. Thread-safe.
TokenIds MakeRankPrompt(const Model& model, std::string_view query, std::string_view document);

}  // namespace chasqui::worker
