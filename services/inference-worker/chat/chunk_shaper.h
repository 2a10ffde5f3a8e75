// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chasqui/inference/v1/generate.pb.h"
#include "services/inference-worker/chat/answer_parser.h"

namespace chasqui::worker {

// Turns the chunks of one answer, as the engine gives them, into those a client gets: reasoning and
// tool calls in fields of their own. Tokens whose text is held back come with the chunk that
// releases it. Thread-compatible.
class ChunkShaper {
 public:
  // The calls' ids are `call_id_prefix` and their number.
  ChunkShaper(AnswerSyntax syntax, std::string call_id_prefix);

  // The client has this text already, from a stream that broke: brings the state to where it was.
  void Replay(std::string_view text, std::uint32_t tokens);

  // Changes `chunk`; false: there is nothing to send yet.
  [[nodiscard]] bool Shape(inference::v1::Chunk& chunk);
  // The answer is over: fills `chunk`, whose index is set, with what is left; false: there is
  // nothing. When nothing was generated after a replay the client has what is left.
  [[nodiscard]] bool Finish(inference::v1::Chunk& chunk);

  std::uint32_t reasoning_tokens() const { return reasoning_tokens_; }
  bool ends_in_calls() const { return parser_.ends_in_calls(); }

 private:
  // What `text`, of so many tokens, makes certain.
  AnswerParts Parse(std::string_view text, std::uint32_t tokens);
  void Fill(AnswerParts parts, inference::v1::Chunk& chunk);

  AnswerParser parser_;
  const std::string call_id_prefix_;
  inference::v1::Chunk held_;  // tokens whose text is held back
  std::uint32_t calls_ = 0;
  std::uint32_t start_tokens_ = 0;  // may turn out to be reasoning
  std::uint32_t reasoning_tokens_ = 0;
  bool only_replayed_ = false;
};

}  // namespace chasqui::worker
