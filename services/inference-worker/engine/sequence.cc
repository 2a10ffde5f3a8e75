// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/sequence.h"

#include <algorithm>
#include <utility>

#include "common/status/status.h"

namespace chasqui::worker {
namespace {

constexpr auto kNever = time::SteadyTime::max();

// When `duration` after `start` is, without overflow.
time::SteadyTime After(time::SteadyTime start, const std::optional<time::Duration>& duration) {
  if (!duration || *duration > kNever - start) return kNever;
  return start + *duration;
}

}  // namespace

Sequence::Sequence(SequenceParts parts, std::uint32_t slot, const Vocabulary& vocabulary,
                   EngineObserver* observer)
    : parts_(std::move(parts)),
      slot_(slot),
      vocabulary_(vocabulary),
      observer_(observer),
      text_(parts_.request.stop_strings, parts_.request.include_stop),
      end_tokens_(parts_.request.stop_tokens.begin(), parts_.request.stop_tokens.end()),
      tokens_(parts_.request.prompt),
      now_(parts_.request.arrival) {
  if (!parts_.request.ignore_eos)
    end_tokens_.insert(vocabulary.end_tokens().begin(), vocabulary.end_tokens().end());
}

void Sequence::Start() {
  const auto& request = parts_.request;
  parts_.channel->Put(
      GenerationStarted{.prompt_tokens = static_cast<std::uint32_t>(request.prompt.size())});
  for (const TokenId token : request.prompt) parts_.sampler->AcceptPrompt(token);
  for (const TokenId token : request.resume) {
    TakeToken(token);
    if (over_) return;
    text_.Take();  // the client has it
  }
}

std::span<const TokenId> Sequence::tokens_left() const {
  return std::span(tokens_).subspan(computed_);
}

void Sequence::BeginStep(time::SteadyTime now) {
  if (!first_step_) first_step_ = now;
}

void Sequence::EndStep(std::uint32_t count) {
  computed_ += count;
  generating_ = computed_ == tokens_.size();
}

void Sequence::TakeLogits(std::span<float> logits, time::SteadyTime now) {
  now_ = now;
  const auto token = parts_.sampler->Sample(logits, generated_);
  if (!token) return Finish(EndReason::kFormatDeadEnd);
  if (observer_ != nullptr) {
    if (first_token_) {
      observer_->OnNextToken(now - last_token_);
    } else {
      observer_->OnFirstToken(now - parts_.request.arrival);
    }
  }
  if (!first_token_) first_token_ = now;
  last_token_ = now;
  TakeToken(*token);
  if (!over_) PutText();
}

void Sequence::TakeToken(TokenId token) {
  ++generated_;
  tokens_.push_back(token);
  const bool ends = end_tokens_.contains(token);
  // A token that ends the answer has no text, but stands among the ids: whoever takes the stream up
  // then sees that it was at its end.
  text_.Append(token, ends ? "" : vocabulary_.Piece(token, false));
  if (ends) return Finish(EndReason::kStop);
  if (text_.stop_string()) return Finish(EndReason::kStopString);
  if (!parts_.sampler->Accept(token)) return Finish(EndReason::kFormatDeadEnd);
  if (generated_ >= parts_.most_tokens) {
    Finish(parts_.request.max_tokens > 0 ? EndReason::kMaxTokens : EndReason::kContextFull);
  }
}

void Sequence::PutText() {
  if (auto piece = text_.Take()) parts_.channel->Put(*std::move(piece));
}

void Sequence::Finish(EndReason reason) {
  text_.Finish();
  if (generated_ > parts_.request.resume.size()) {
    PutText();
  }  // else the client has it: nothing is new
  GenerationFinished finished;
  finished.reason = reason;
  finished.stop_string = text_.stop_string().value_or("");
  finished.prompt_tokens = static_cast<std::uint32_t>(parts_.request.prompt.size());
  finished.completion_tokens = generated_;
  finished.timings = Timings();
  parts_.channel->Put(std::move(finished));
  End(reason);
}

void Sequence::Fail(absl::Status error) {
  parts_.channel->Put(std::move(error));
  End(std::nullopt);
}

void Sequence::End(const std::optional<EndReason>& reason) {
  over_ = true;
  if (observer_ != nullptr) observer_->OnEnd(reason, Timings(), now_ - parts_.request.arrival);
}

GenerationTimings Sequence::Timings() const {
  const auto& request = parts_.request;
  GenerationTimings timings;
  timings.prompt_tokens = static_cast<std::uint32_t>(request.prompt.size() + request.resume.size());
  timings.predicted_tokens =
      generated_ -
      std::min<std::uint32_t>(generated_, static_cast<std::uint32_t>(request.resume.size()));
  timings.queue = first_step_.value_or(now_) - request.arrival;
  if (first_step_) timings.prompt = first_token_.value_or(now_) - *first_step_;
  if (first_token_) {
    timings.predicted = last_token_ - *first_token_;
    timings.time_to_first_token = *first_token_ - request.arrival;
  }
  return timings;
}

void Sequence::CheckLimits(time::SteadyTime now, time::Duration max_pause) {
  now_ = now;
  if (over_) return;
  const auto& request = parts_.request;
  if (parts_.channel->cancelled()) return Fail(absl::CancelledError("the request was cancelled"));
  if (now >= request.deadline) return Fail(absl::DeadlineExceededError("the deadline has passed"));
  if (now >= After(request.arrival, request.max_time)) return Finish(EndReason::kMaxTime);
  if (!parts_.channel->full()) {
    paused_since_.reset();
  } else if (!paused_since_) {
    paused_since_ = now;
  } else if (now - *paused_since_ >= max_pause) {
    Fail(status::Error(absl::StatusCode::kResourceExhausted, "SLOW_READER",
                       "the reader of the stream was too slow for too long"));
  }
}

time::SteadyTime Sequence::next_limit(time::Duration max_pause) const {
  const auto& request = parts_.request;
  time::SteadyTime limit = std::min(request.deadline, After(request.arrival, request.max_time));
  if (paused_since_) limit = std::min(limit, After(*paused_since_, max_pause));
  return limit;
}

}  // namespace chasqui::worker
