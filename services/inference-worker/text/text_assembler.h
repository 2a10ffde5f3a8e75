// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/inference-worker/text/stop_matcher.h"
#include "services/inference-worker/text/utf8_assembler.h"

namespace chasqui::worker {

// Text that can be sent, and the tokens it accounts for.
struct TextPiece {
  std::string text;
  std::vector<std::int32_t> token_ids;

  bool operator==(const TextPiece&) const = default;
};

// Makes the text of one answer from its tokens: whole UTF-8 characters, and never a part of a stop
// string. A token whose text is held back comes with the piece that releases it. Feeding the same
// tokens again brings it to the same state, which is how a broken stream is taken up.
// Thread-compatible.
class TextAssembler {
 public:
  // `include_stop`: the stop string that ends the answer is part of its text.
  TextAssembler(std::vector<std::string> stops, bool include_stop);

  // Takes a token and its bytes. Not after a stop string was found.
  void Append(std::int32_t token, std::string_view bytes);

  // The answer ends: what was held back is released, if no stop string was found.
  void Finish();

  // The stop string found, if one was.
  const std::optional<std::string>& stop_string() const { return stop_string_; }

  // What can be sent now. Without text there is a piece only after Finish, for tokens left over.
  std::optional<TextPiece> Take();

 private:
  std::vector<std::string> stops_;
  bool include_stop_;
  StopMatcher matcher_;
  Utf8Assembler utf8_;
  TextPiece ready_;
  std::optional<std::string> stop_string_;
  bool finished_ = false;
};

}  // namespace chasqui::worker
