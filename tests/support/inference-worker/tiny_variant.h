// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "services/inference-worker/model/vocabulary.h"

namespace chasqui::worker {

// The model that ships with another chat template, and with control tokens: useful for tests of
// how chats are written and read in other families. Its text is as good as before.
struct TinyVariant {
  std::string name;                         // of the file; one name is one variant
  std::string chat_template;                // of a family that libllama knows
  std::vector<std::string> control_tokens;  // take the place of the last tokens of the vocabulary

  // The id of the control token at `index`.
  TokenId Token(std::size_t index) const;
};

// Its file, written at the first call in a process.
std::string TinyVariantPath(const TinyVariant& variant);

}  // namespace chasqui::worker
