// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "services/inference-worker/engine/admission.h"
#include "services/inference-worker/engine/generation.h"
#include "services/inference-worker/engine/generation_channel.h"

namespace chasqui::worker {

// What the candidates of one request have in common: the request, its slots, its channel, its
// times, and which of them are over. Puts the first and the last event. Shared by the sequences of
// the candidates; made on the thread that submits, then confined to the engine's.
class AnswerGroup {
 public:
  AnswerGroup(GenerationRequest request, std::uint32_t most_tokens, Admission::Grant grant,
              std::shared_ptr<GenerationChannel> channel, std::uint64_t admission);

  const GenerationRequest& request() const { return request_; }
  // Of each candidate's answer, those replayed included.
  std::uint32_t most_tokens() const { return most_tokens_; }
  std::uint64_t admission() const { return admission_; }
  GenerationChannel& channel() const { return *channel_; }
  const std::vector<std::int32_t>& resumed(std::uint32_t candidate) const;

  // A candidate takes its first seat, having found `cached_tokens` of the prompt.
  void OnSeated(std::uint32_t cached_tokens);
  // A step that works for a candidate begins.
  void OnStep(time::SteadyTime now);
  void OnComputed(std::uint32_t prompt_tokens) { computed_prompt_tokens_ += prompt_tokens; }
  // The first candidate's prompt is computed, or never will be: the others may share it.
  void OnPromptReady() { prompt_ready_ = true; }
  bool prompt_ready() const { return prompt_ready_; }
  // A candidate has a token.
  void OnToken(time::SteadyTime now);
  void OnPreempted() { ++preemptions_; }

  // A candidate is over; the last one ends the answer.
  void OnEnd(std::uint32_t candidate, CandidateEnd end, time::SteadyTime now);
  // The answer ends with an error; the other candidates are to end, too.
  void Fail(absl::Status error);
  bool failed() const { return failed_; }
  // Nothing more happens.
  bool over() const { return failed_ || left_ == 0; }
  // A candidate gives its seat up for good; whether it is the last to do so.
  bool Retire() { return --sequences_ == 0; }
  // After that, and when all else of the answer is given up: frees its slots, then puts its last
  // event, for who reads that may ask at once for the next answer.
  void Close();

 private:
  GenerationTimings Timings(time::SteadyTime now) const;

  const GenerationRequest request_;
  const std::uint32_t most_tokens_;
  std::optional<Admission::Grant> grant_;  // until it is closed
  const std::shared_ptr<GenerationChannel> channel_;
  const std::uint64_t admission_;

  std::vector<CandidateEnd> ends_;
  std::uint32_t left_;       // candidates that are not over
  std::uint32_t sequences_;  // candidates that have not retired
  bool failed_ = false;
  std::optional<GenerationEvent> end_;  // the last event
  bool prompt_ready_ = false;
  std::optional<std::uint32_t> cached_prompt_tokens_;  // set: the first event is out
  std::uint32_t computed_prompt_tokens_ = 0;
  std::uint32_t predicted_tokens_ = 0;
  std::uint32_t preemptions_ = 0;
  std::optional<time::SteadyTime> first_step_;
  std::optional<time::SteadyTime> first_token_;
  time::SteadyTime last_token_{};
};

}  // namespace chasqui::worker
