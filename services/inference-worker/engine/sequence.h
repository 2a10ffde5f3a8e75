// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/container/flat_hash_set.h"
#include "services/inference-worker/engine/admission.h"
#include "services/inference-worker/engine/engine_observer.h"
#include "services/inference-worker/engine/generation.h"
#include "services/inference-worker/engine/generation_channel.h"
#include "services/inference-worker/sampling/token_sampler.h"
#include "services/inference-worker/text/text_assembler.h"

namespace chasqui::worker {

// All that an answer needs to run. Made on the thread that submits it.
struct SequenceParts {
  GenerationRequest request;
  std::uint32_t most_tokens = 0;  // of the answer, those replayed included
  Admission::Grant grant;
  std::unique_ptr<TokenSampler> sampler;
  std::shared_ptr<GenerationChannel> channel;
  std::uint64_t admission = 0;  // order of admission
};

// One running answer: how far its prompt is computed, its tokens, its text, its times, and whether
// it is over. Owned by the engine's loop and confined to its thread. Knows nothing of the context.
class Sequence {
 public:
  // `vocabulary` and `observer` (which may be nullptr) outlive it.
  Sequence(SequenceParts parts, std::uint32_t slot, const Vocabulary& vocabulary,
           EngineObserver* observer);

  std::uint32_t slot() const { return slot_; }
  std::uint64_t admission() const { return parts_.admission; }
  std::uint64_t tag() const { return parts_.channel->tag(); }
  GenerationChannel& channel() const { return *parts_.channel; }

  // Puts the first event, and takes up the broken stream if this is one.
  void Start();

  // What is to be computed: the prompt's tokens that are left, or the last token generated.
  std::span<const TokenId> tokens_left() const;
  std::uint32_t position() const { return computed_; }
  bool generating() const { return generating_; }

  // A step that computes `count` of the tokens left begins, or is done.
  void BeginStep(time::SteadyTime now);
  void EndStep(std::uint32_t count);

  // Chooses the next token from `logits`, which it changes, and puts what text that gives.
  void TakeLogits(std::span<float> logits, time::SteadyTime now);

  // Ends the answer: as it is, or with an error.
  void Finish(EndReason reason);
  void Fail(absl::Status error);
  bool over() const { return over_; }

  // Ends it if its time is over, its reader is gone or its pause too long. `now` is the engine's.
  void CheckLimits(time::SteadyTime now, time::Duration max_pause);
  // When CheckLimits may end it although nothing happens.
  time::SteadyTime next_limit(time::Duration max_pause) const;

  // Whether the reader is so slow that the sequence must not run.
  bool paused() const { return paused_since_.has_value(); }

 private:
  void TakeToken(TokenId token);
  void End(const std::optional<EndReason>& reason);
  void PutText();
  GenerationTimings Timings() const;

  SequenceParts parts_;
  const std::uint32_t slot_;
  const Vocabulary& vocabulary_;
  EngineObserver* const observer_;
  TextAssembler text_;
  absl::flat_hash_set<TokenId> end_tokens_;

  TokenIds tokens_;              // prompt, those replayed, those generated
  std::uint32_t computed_ = 0;   // how many of them are in the KV cache
  std::uint32_t generated_ = 0;  // those replayed included
  bool generating_ = false;      // the prompt is computed
  bool over_ = false;

  std::optional<time::SteadyTime> first_step_;
  std::optional<time::SteadyTime> first_token_;
  time::SteadyTime last_token_;
  time::SteadyTime now_;  // of the engine's last call
  std::optional<time::SteadyTime> paused_since_;
};

}  // namespace chasqui::worker
