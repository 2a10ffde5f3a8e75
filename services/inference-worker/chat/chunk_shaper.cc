// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chunk_shaper.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {

namespace v1 = inference::v1;

ChunkShaper::ChunkShaper(AnswerSyntax syntax, std::string call_id_prefix)
    : parser_(std::move(syntax)), call_id_prefix_(std::move(call_id_prefix)) {}

AnswerParts ChunkShaper::Parse(std::string_view text, std::uint32_t tokens) {
  AnswerParts parts;
  const bool at_start = parser_.at_start();
  const bool in_reasoning = parser_.in_reasoning();
  parser_.Push(text, parts);
  if (at_start) start_tokens_ += tokens;
  if (in_reasoning) reasoning_tokens_ += tokens;
  // A block that begins and ends within one piece leaves a trace in the parts only.
  if (at_start && (parser_.in_reasoning() || !parts.reasoning.empty()))
    reasoning_tokens_ += std::exchange(start_tokens_, 0);
  return parts;
}

void ChunkShaper::Replay(std::string_view text, std::uint32_t tokens) {
  calls_ += static_cast<std::uint32_t>(Parse(text, tokens).calls.size());
  only_replayed_ = true;
}

void ChunkShaper::Fill(AnswerParts parts, v1::Chunk& chunk) {
  chunk.set_text(std::move(parts.text));
  chunk.set_reasoning_text(std::move(parts.reasoning));
  for (WrittenCall& written : parts.calls) {
    v1::ToolCall& call = *chunk.add_tool_calls();
    call.set_id(absl::StrCat(call_id_prefix_, calls_++));
    call.set_name(std::move(written.name));
    call.set_arguments_json(std::move(written.arguments_json));
  }
}

bool ChunkShaper::Shape(v1::Chunk& chunk) {
  only_replayed_ = false;
  held_.set_index(chunk.index());
  held_.mutable_token_ids()->MergeFrom(chunk.token_ids());
  held_.mutable_logprobs()->MergeFrom(chunk.logprobs());
  AnswerParts parts = Parse(chunk.text(), static_cast<std::uint32_t>(chunk.token_ids_size()));
  if (parts.empty()) return false;
  chunk = std::exchange(held_, {});
  Fill(std::move(parts), chunk);
  return true;
}

bool ChunkShaper::Finish(v1::Chunk& chunk) {
  AnswerParts parts;
  parser_.Finish(parts);
  if (only_replayed_) return false;
  if (parts.empty() && held_.token_ids().empty()) return false;
  const auto index = chunk.index();
  chunk = std::exchange(held_, {});
  chunk.set_index(index);
  Fill(std::move(parts), chunk);
  return true;
}

}  // namespace chasqui::worker
