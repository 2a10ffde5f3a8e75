// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate/response_mapping.h"

#include <chrono>

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

v1::FinishReason MapReason(EndReason reason) {
  switch (reason) {
    case EndReason::kStop:
      return v1::FINISH_REASON_STOP;
    case EndReason::kStopString:
      return v1::FINISH_REASON_STOP_STRING;
    case EndReason::kMaxTokens:
      return v1::FINISH_REASON_MAX_TOKENS;
    case EndReason::kMaxTime:
      return v1::FINISH_REASON_MAX_TIME;
    case EndReason::kContextFull:
      return v1::FINISH_REASON_CONTEXT_FULL;
    case EndReason::kFormatDeadEnd:
      return v1::FINISH_REASON_FORMAT_DEAD_END;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

double Milliseconds(time::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double PerToken(double milliseconds, std::uint32_t tokens) {
  return tokens == 0 ? 0 : milliseconds / tokens;
}

double PerSecond(double milliseconds, std::uint32_t tokens) {
  return milliseconds <= 0 ? 0 : tokens * 1000.0 / milliseconds;
}

v1::Timings MapTimings(const GenerationFinished& finished) {
  const GenerationTimings& timings = finished.timings;
  const double prompt_ms = Milliseconds(timings.prompt);
  const double predicted_ms = Milliseconds(timings.predicted);
  v1::Timings mapped;
  mapped.set_queue_ms(Milliseconds(timings.queue));
  mapped.set_cache_n(finished.cached_prompt_tokens);
  mapped.set_prompt_n(timings.prompt_tokens);
  mapped.set_prompt_ms(prompt_ms);
  mapped.set_prompt_per_token_ms(PerToken(prompt_ms, timings.prompt_tokens));
  mapped.set_prompt_per_second(PerSecond(prompt_ms, timings.prompt_tokens));
  mapped.set_predicted_n(timings.predicted_tokens);
  mapped.set_predicted_ms(predicted_ms);
  mapped.set_predicted_per_token_ms(PerToken(predicted_ms, timings.predicted_tokens));
  mapped.set_predicted_per_second(PerSecond(predicted_ms, timings.predicted_tokens));
  mapped.set_time_to_first_token_ms(Milliseconds(timings.time_to_first_token));
  mapped.set_preemptions(timings.preemptions);
  return mapped;
}

}  // namespace

v1::Started MapStarted(const GenerationStarted& started, const AnswerIdentity& identity) {
  v1::Started mapped;
  mapped.set_request_id(identity.request_id);
  mapped.set_model(identity.model);
  mapped.set_model_fingerprint(identity.model_fingerprint);
  mapped.set_worker_id(identity.worker_id);
  mapped.set_seed(identity.seed);
  mapped.set_prompt_tokens(started.prompt_tokens);
  mapped.set_cached_prompt_tokens(started.cached_prompt_tokens);
  return mapped;
}

v1::TokenLogprob MapLogprob(const TokenLogprob& measured, const Vocabulary& vocabulary) {
  const auto fill = [&](TokenId id, float logprob, v1::TokenLogprob& mapped) {
    mapped.set_token_id(static_cast<std::uint32_t>(id));
    mapped.set_token(vocabulary.Piece(id, true));
    mapped.set_logprob(logprob);
  };
  v1::TokenLogprob mapped;
  fill(measured.id, measured.logprob, mapped);
  for (const auto& rival : measured.top) fill(rival.id, rival.logprob, *mapped.add_top());
  return mapped;
}

v1::Chunk MapChunk(const TextPiece& piece, const Vocabulary& vocabulary) {
  v1::Chunk chunk;
  chunk.set_index(piece.candidate);
  chunk.set_text(piece.text);
  for (const TokenId token : piece.token_ids)
    chunk.add_token_ids(static_cast<std::uint32_t>(token));
  for (const TokenLogprob& logprob : piece.logprobs)
    *chunk.add_logprobs() = MapLogprob(logprob, vocabulary);
  return chunk;
}

v1::Usage MapUsage(const GenerationFinished& finished) {
  v1::Usage usage;
  usage.set_prompt_tokens(finished.prompt_tokens);
  usage.set_cached_prompt_tokens(finished.cached_prompt_tokens);
  usage.set_completion_tokens(finished.completion_tokens);
  std::uint32_t shifted = 0;
  for (const CandidateEnd& end : finished.candidates) shifted += end.shifted_tokens;
  usage.set_shifted_tokens(shifted);
  return usage;
}

v1::Finished MapFinished(const GenerationFinished& finished, bool include_timings) {
  v1::Finished mapped;
  for (std::uint32_t i = 0; i < finished.candidates.size(); ++i) {
    auto& candidate = *mapped.add_candidates();
    candidate.set_index(i);
    candidate.set_finish_reason(MapReason(finished.candidates[i].reason));
    candidate.set_stop_string(finished.candidates[i].stop_string);
  }
  *mapped.mutable_usage() = MapUsage(finished);
  if (include_timings) *mapped.mutable_timings() = MapTimings(finished);
  return mapped;
}

}  // namespace chasqui::worker
