// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/answer_group.h"

#include <algorithm>
#include <utility>

namespace chasqui::worker {

AnswerGroup::AnswerGroup(GenerationRequest request, std::uint32_t most_tokens,
                         Admission::Grant grant, std::shared_ptr<GenerationChannel> channel,
                         std::uint64_t admission)
    : request_(std::move(request)),
      most_tokens_(most_tokens),
      grant_(std::move(grant)),
      channel_(std::move(channel)),
      admission_(admission),
      ends_(request_.candidates),
      left_(request_.candidates),
      sequences_(request_.candidates) {}

const std::vector<std::int32_t>& AnswerGroup::resumed(std::uint32_t candidate) const {
  static const std::vector<std::int32_t>& none = *new std::vector<std::int32_t>();
  return candidate < request_.resume.size() ? request_.resume[candidate] : none;
}

void AnswerGroup::OnSeated(std::uint32_t cached_tokens) {
  if (cached_prompt_tokens_) return;
  const auto prompt = static_cast<std::uint32_t>(request_.prompt.size());
  cached_prompt_tokens_ = std::min(cached_tokens, prompt);
  channel_->Put(
      GenerationStarted{.prompt_tokens = prompt, .cached_prompt_tokens = *cached_prompt_tokens_});
}

void AnswerGroup::OnStep(time::SteadyTime now) {
  if (!first_step_) first_step_ = now;
}

void AnswerGroup::OnToken(time::SteadyTime now) {
  ++predicted_tokens_;
  last_token_ = now;
  if (!first_token_) first_token_ = now;
}

void AnswerGroup::OnEnd(std::uint32_t candidate, CandidateEnd end, time::SteadyTime now) {
  ends_[candidate] = std::move(end);
  if (--left_ > 0) return;
  GenerationFinished finished;
  finished.candidates = ends_;
  finished.prompt_tokens = static_cast<std::uint32_t>(request_.prompt.size());
  finished.cached_prompt_tokens = cached_prompt_tokens_.value_or(0);
  for (const CandidateEnd& each : ends_) finished.completion_tokens += each.completion_tokens;
  finished.timings = Timings(now);
  end_ = std::move(finished);
}

void AnswerGroup::Fail(absl::Status error) {
  if (over()) return;
  failed_ = true;
  end_ = std::move(error);
}

void AnswerGroup::Close() {
  grant_.reset();
  channel_->Put(*std::move(end_));
}

GenerationTimings AnswerGroup::Timings(time::SteadyTime now) const {
  GenerationTimings timings;
  timings.prompt_tokens = computed_prompt_tokens_;
  timings.predicted_tokens = predicted_tokens_;
  timings.preemptions = preemptions_;
  timings.queue = first_step_.value_or(now) - request_.arrival;
  if (first_step_) timings.prompt = first_token_.value_or(now) - *first_step_;
  if (first_token_) {
    timings.predicted = last_token_ - *first_token_;
    timings.time_to_first_token = *first_token_ - request_.arrival;
  }
  return timings;
}

}  // namespace chasqui::worker
