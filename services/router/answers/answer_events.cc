// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/answer_events.h"

#include <algorithm>
#include <utility>

#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using inference::v1::CandidateEnd;
using inference::v1::Chunk;
using inference::v1::Completion;
using inference::v1::Finished;
using inference::v1::Started;
using inference::v1::StreamGenerateResponse;

void Tell(const AnswerReader& reader, Started& started) {
  started.set_request_id(reader.request_id);
  started.set_answer_source(reader.source);
  started.set_cached_prompt_tokens(started.prompt_tokens());
}

// Nothing was computed.
void Tell(const AnswerReader& reader, Finished& finished) {
  auto& usage = *finished.mutable_usage();
  usage.set_cached_prompt_tokens(usage.prompt_tokens());
  usage.set_cached_completion_tokens(usage.completion_tokens());
  finished.clear_timings();
  if (!reader.include_timings) return;
  finished.mutable_timings()->set_cache_n(usage.prompt_tokens());
  finished.mutable_timings()->set_time_to_first_token_ms(reader.elapsed_ms);
}

bool IsRepeatable(const CandidateEnd& end) {
  switch (end.finish_reason()) {
    case inference::v1::FINISH_REASON_STOP:
    case inference::v1::FINISH_REASON_STOP_STRING:
    case inference::v1::FINISH_REASON_MAX_TOKENS:
    case inference::v1::FINISH_REASON_TOOL_CALLS:
      return true;
    default:
      return false;
  }
}

bool IsChunk(std::string_view event) {
  constexpr char kChunkTag = StreamGenerateResponse::kChunkFieldNumber << 3 | 2;
  return !event.empty() && event.front() == kChunkTag;
}

}  // namespace

std::string ForReader(const AnswerReader& reader, std::string_view event) {
  StreamGenerateResponse parsed;
  if (IsChunk(event) || !parsed.ParseFromArray(event.data(), static_cast<int>(event.size()))) {
    return std::string(event);
  }
  if (parsed.has_started()) Tell(reader, *parsed.mutable_started());
  if (parsed.has_finished()) Tell(reader, *parsed.mutable_finished());
  return parsed.SerializeAsString();
}

AnswerEnd EndOf(const grpc::ByteBuffer& finished) {
  StreamGenerateResponse parsed;
  if (!rpc::Parse(finished, parsed) || !parsed.has_finished()) return {};
  const auto& candidates = parsed.finished().candidates();
  return {.repeatable = !candidates.empty() && std::ranges::all_of(candidates, IsRepeatable),
          .prompt_tokens = parsed.finished().usage().prompt_tokens(),
          .completion_tokens = parsed.finished().usage().completion_tokens()};
}

std::uint32_t CountTokens(const inference::v1::ResumePoint& seen) {
  std::uint32_t tokens = 0;
  for (const auto& candidate : seen.candidates()) {
    tokens += static_cast<std::uint32_t>(candidate.token_ids_size());
  }
  return tokens;
}

void SetCachedTokens(std::uint32_t cached_completion_tokens, grpc::ByteBuffer& finished) {
  StreamGenerateResponse parsed;
  if (!rpc::Parse(finished, parsed) || !parsed.has_finished()) return;
  parsed.mutable_finished()->mutable_usage()->set_cached_completion_tokens(
      cached_completion_tokens);
  finished = rpc::Serialize(parsed);
}

Completion& AnswerCollector::At(std::uint32_t index) {
  auto& completions = *response_.mutable_completions();
  // As in the answer: in the order of their index, with none left out.
  while (static_cast<std::uint32_t>(completions.size()) <= index) {
    completions.Add()->set_index(static_cast<std::uint32_t>(completions.size() - 1));
  }
  return completions[static_cast<int>(index)];
}

void AnswerCollector::Add(const grpc::ByteBuffer& event) {
  constexpr std::uint32_t kMostCandidates = 16;
  StreamGenerateResponse parsed;
  if (!rpc::Parse(event, parsed)) return;
  if (parsed.has_started()) *response_.mutable_started() = std::move(*parsed.mutable_started());
  if (parsed.has_chunk() && parsed.chunk().index() < kMostCandidates) {
    const Chunk& chunk = parsed.chunk();
    Completion& completion = At(chunk.index());
    completion.mutable_text()->append(chunk.text());
    completion.mutable_reasoning_text()->append(chunk.reasoning_text());
    completion.mutable_token_ids()->MergeFrom(chunk.token_ids());
    completion.mutable_logprobs()->MergeFrom(chunk.logprobs());
    completion.mutable_tool_calls()->MergeFrom(chunk.tool_calls());
  }
  if (!parsed.has_finished()) return;
  for (const CandidateEnd& end : parsed.finished().candidates()) {
    if (end.index() >= kMostCandidates) continue;
    At(end.index()).set_finish_reason(end.finish_reason());
    At(end.index()).set_stop_string(end.stop_string());
  }
  *response_.mutable_usage() = std::move(*parsed.mutable_finished()->mutable_usage());
  if (parsed.finished().has_timings()) {
    *response_.mutable_timings() = std::move(*parsed.mutable_finished()->mutable_timings());
  }
}

}  // namespace chasqui::router
