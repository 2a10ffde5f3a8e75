// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "services/inference-worker/engine/answer_group.h"
#include "services/inference-worker/engine/generation.h"
#include "services/inference-worker/sampling/token_sampler.h"
#include "services/inference-worker/text/text_assembler.h"

namespace chasqui::worker {

// One running answer: one candidate of a request. Knows how far its tokens are computed, its text
// and whether it is over; it waits, or has a seat in the KV cache. Owned by the engine's loop and
// confined to its thread. Knows nothing of the context.
class Sequence {
 public:
  // `vocabulary` outlives it.
  Sequence(std::shared_ptr<AnswerGroup> group, std::uint32_t candidate,
           std::unique_ptr<TokenSampler> sampler, const Vocabulary& vocabulary);

  AnswerGroup& group() const { return *group_; }
  const GenerationRequest& request() const { return group_->request(); }
  std::uint64_t admission() const { return group_->admission(); }
  std::uint64_t tag() const { return group_->channel().tag(); }
  GenerationChannel& channel() const { return group_->channel(); }

  // Takes up the broken stream if this is one.
  void Start(time::SteadyTime now);

  // Whether it may take a seat: other candidates wait for the first one's prompt.
  bool may_sit() const { return candidate_ == 0 || group_->prompt_ready(); }
  // A seat that holds the first `cached` of its tokens, to be computed with the set of `adapters`.
  void TakeSeat(std::uint32_t seat, std::uint32_t cached, std::uint32_t adapters);
  void MoveTo(std::uint32_t seat) { seat_ = seat; }
  // It waits again, and what it computed is lost.
  void LoseSeat();
  bool seated() const { return seat_.has_value(); }
  std::uint32_t seat() const { return *seat_; }
  // Of AdapterSets; while it is seated.
  std::uint32_t adapters() const { return adapters_; }

  // The prompt, what was replayed and what was generated, as far as the context has it.
  std::span<const TokenId> tokens() const { return tokens_; }
  // Of these, what is to be computed.
  std::span<const TokenId> tokens_left() const;
  std::uint32_t position() const { return computed_; }
  bool generating() const { return generating_; }

  // A step that computes `count` of the tokens left begins, or is done.
  void BeginStep(time::SteadyTime now) { group_->OnStep(now); }
  void EndStep(std::uint32_t count);

  // Chooses the next token from `logits`, which it changes. May run beside that of other sequences,
  // on any thread.
  void Choose(std::span<float> logits);
  // Takes what was chosen, and puts what text that gives.
  void TakeChoice(time::SteadyTime now);

  // Whether the context is full and tokens are to be dropped before it can go on.
  bool must_shift(std::uint32_t context_tokens) const;
  // How many: half of those behind the ones kept.
  std::uint32_t tokens_to_drop() const;
  std::uint32_t kept_tokens() const;
  // They are dropped.
  void Shifted();

  // Ends the answer: as it is, or with an error.
  void Finish(EndReason reason);
  void Fail(absl::Status error);
  bool over() const { return over_ || group_->failed(); }

  // Ends it if its time is over, its reader is gone or its pause too long. `now` is the engine's.
  void CheckLimits(time::SteadyTime now, time::Duration max_pause);
  // When CheckLimits may end it although nothing happens.
  time::SteadyTime next_limit(time::Duration max_pause) const;

  // Whether the reader is so slow that the sequence must not run.
  bool paused() const { return paused_since_.has_value(); }

 private:
  void TakeToken(TokenId token, std::optional<TokenLogprob> logprob);
  void PutText();

  const std::shared_ptr<AnswerGroup> group_;
  const std::uint32_t candidate_;
  const std::unique_ptr<TokenSampler> sampler_;
  const Vocabulary& vocabulary_;
  TextAssembler text_;
  absl::flat_hash_set<TokenId> end_tokens_;
  std::vector<float> raw_logits_;  // of requests for log probabilities; kept for its capacity
  std::optional<TokenId> choice_;
  std::optional<TokenLogprob> choice_logprob_;

  std::optional<std::uint32_t> seat_;
  std::uint32_t adapters_ = 0;
  TokenIds tokens_;
  std::uint32_t computed_ = 0;   // how many of them are in the KV cache
  std::uint32_t generated_ = 0;  // those replayed included
  std::uint32_t shifted_ = 0;    // dropped
  bool generating_ = false;      // the prompt is computed
  bool over_ = false;

  time::SteadyTime now_;  // of the engine's last call
  std::optional<time::SteadyTime> paused_since_;
};

}  // namespace chasqui::worker
