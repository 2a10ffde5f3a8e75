// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/sequence.h"

#include <algorithm>
#include <utility>

#include "common/status/status.h"
#include "services/inference-worker/sampling/logprobs.h"

namespace chasqui::worker {
namespace {

constexpr auto kNever = time::SteadyTime::max();

// When `duration` after `start` is, without overflow.
time::SteadyTime After(time::SteadyTime start, const std::optional<time::Duration>& duration) {
  if (!duration || *duration > kNever - start) return kNever;
  return start + *duration;
}

}  // namespace

Sequence::Sequence(std::shared_ptr<AnswerGroup> group, std::uint32_t candidate,
                   std::unique_ptr<TokenSampler> sampler, const Vocabulary& vocabulary)
    : group_(std::move(group)),
      candidate_(candidate),
      sampler_(std::move(sampler)),
      vocabulary_(vocabulary),
      text_(request().stop_strings, request().include_stop),
      end_tokens_(request().stop_tokens.begin(), request().stop_tokens.end()),
      tokens_(request().prompt),
      now_(request().arrival) {
  if (!request().ignore_eos)
    end_tokens_.insert(vocabulary.end_tokens().begin(), vocabulary.end_tokens().end());
}

void Sequence::Start(time::SteadyTime now) {
  now_ = now;
  for (const TokenId token : request().prompt) sampler_->AcceptPrompt(token);
  for (const TokenId token : group_->resumed(candidate_)) {
    // A stream that had come to its end before it broke is over at once, and still begins.
    TakeToken(token, std::nullopt);
    if (over_) return;
    text_.Take();  // the client has it
  }
}

void Sequence::TakeSeat(std::uint32_t seat, std::uint32_t cached, std::uint32_t adapters) {
  seat_ = seat;
  adapters_ = adapters;
  computed_ = cached;
  generating_ = false;
  group_->OnSeated(cached);
}

void Sequence::LoseSeat() {
  seat_.reset();
  computed_ = 0;
  generating_ = false;
  group_->OnPreempted();
}

std::span<const TokenId> Sequence::tokens_left() const {
  return std::span(tokens_).subspan(computed_);
}

void Sequence::EndStep(std::uint32_t count) {
  if (!generating_) group_->OnComputed(count);
  computed_ += count;
  generating_ = computed_ == tokens_.size();
  if (generating_ && candidate_ == 0) group_->OnPromptReady();
}

void Sequence::Choose(std::span<float> logits) {
  const std::optional<std::uint32_t>& rivals = request().logprobs;
  if (rivals) raw_logits_.assign(logits.begin(), logits.end());
  choice_ = sampler_->Sample(logits, generated_);
  choice_logprob_.reset();
  if (rivals && choice_) choice_logprob_ = MeasureLogprob(raw_logits_, *choice_, *rivals);
}

void Sequence::TakeChoice(time::SteadyTime now) {
  now_ = now;
  if (!choice_) return Finish(EndReason::kFormatDeadEnd);
  group_->OnToken(now);
  TakeToken(*choice_, std::exchange(choice_logprob_, std::nullopt));
  if (!over_) PutText();
}

void Sequence::TakeToken(TokenId token, std::optional<TokenLogprob> logprob) {
  ++generated_;
  tokens_.push_back(token);
  const bool ends = end_tokens_.contains(token);
  // A token that ends the answer has no text, but stands among the ids: whoever takes the stream up
  // then sees that it was at its end.
  const bool visible = std::ranges::contains(request().visible_markers, token);
  text_.Append(token, ends ? "" : vocabulary_.Piece(token, visible), std::move(logprob));
  if (ends) return Finish(EndReason::kStop);
  if (text_.stop_string()) return Finish(EndReason::kStopString);
  if (!sampler_->Accept(token)) return Finish(EndReason::kFormatDeadEnd);
  if (sampler_->grammar_overrun()) {
    return Fail(status::InvalidArgument(
        "output_format",
        "the grammar is too ambiguous: following the text in all its ways takes too long"));
  }
  if (generated_ >= group_->most_tokens())
    Finish(request().max_tokens > 0 ? EndReason::kMaxTokens : EndReason::kContextFull);
}

void Sequence::PutText() {
  if (auto piece = text_.Take()) {
    piece->candidate = candidate_;
    channel().Put(*std::move(piece));
  }
}

bool Sequence::must_shift(std::uint32_t context_tokens) const {
  return !over_ && tokens_.size() >= context_tokens;
}

std::uint32_t Sequence::kept_tokens() const {
  const auto most = static_cast<std::uint32_t>(tokens_.size()) - 2;
  return std::min(request().shift ? request().shift->keep_tokens : 0, most);
}

std::uint32_t Sequence::tokens_to_drop() const {
  return std::max<std::uint32_t>(1, (computed_ - std::min(computed_, kept_tokens())) / 2);
}

void Sequence::Shifted() {
  const std::uint32_t count = tokens_to_drop();
  const auto first = tokens_.begin() + kept_tokens();
  tokens_.erase(first, first + count);
  computed_ -= count;
  shifted_ += count;
}

void Sequence::Finish(EndReason reason) {
  text_.Finish();
  group_->OnSeated(0);  // in case it never had one
  if (generated_ > group_->resumed(candidate_).size()) {
    PutText();
  }  // else the client has it: nothing is new
  over_ = true;
  if (candidate_ == 0) group_->OnPromptReady();
  group_->OnEnd(candidate_,
                {.reason = reason,
                 .stop_string = text_.stop_string().value_or(""),
                 .completion_tokens = generated_,
                 .shifted_tokens = shifted_},
                now_);
}

void Sequence::Fail(absl::Status error) {
  over_ = true;
  group_->Fail(std::move(error));
}

void Sequence::CheckLimits(time::SteadyTime now, time::Duration max_pause) {
  now_ = now;
  if (over()) return;
  if (channel().cancelled()) return Fail(absl::CancelledError("the request was cancelled"));
  if (now >= request().deadline)
    return Fail(absl::DeadlineExceededError("the deadline has passed"));
  if (now >= After(request().arrival, request().max_time)) return Finish(EndReason::kMaxTime);
  if (!channel().full()) {
    paused_since_.reset();
  } else if (!paused_since_) {
    paused_since_ = now;
  } else if (now - *paused_since_ >= max_pause) {
    Fail(status::Error(absl::StatusCode::kResourceExhausted, "SLOW_READER",
                       "the reader of the stream was too slow for too long"));
  }
}

time::SteadyTime Sequence::next_limit(time::Duration max_pause) const {
  time::SteadyTime limit =
      std::min(request().deadline, After(request().arrival, request().max_time));
  if (paused_since_) limit = std::min(limit, After(*paused_since_, max_pause));
  return limit;
}

}  // namespace chasqui::worker
