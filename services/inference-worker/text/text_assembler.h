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

// The logarithm of a token's probability, and those of its likeliest rivals, before any step of
// sampling.
struct TokenLogprob {
  struct Rival {
    std::int32_t id = 0;
    float logprob = 0;

    bool operator==(const Rival&) const = default;
  };
  std::int32_t id = 0;
  float logprob = 0;
  std::vector<Rival> top;  // likeliest first

  bool operator==(const TokenLogprob&) const = default;
};

// Text that can be sent, and the tokens it accounts for.
struct TextPiece {
  std::string text;
  std::vector<std::int32_t> token_ids;
  std::vector<TokenLogprob> logprobs;  // of token_ids, when asked for
  std::uint32_t candidate = 0;         // which answer of the request

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
  void Append(std::int32_t token, std::string_view bytes,
              std::optional<TokenLogprob> logprob = std::nullopt);

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
