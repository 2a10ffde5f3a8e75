// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "services/inference-worker/model/vocabulary.h"
#include "services/inference-worker/sampling/sampling_params.h"
#include "services/inference-worker/text/text_assembler.h"

namespace chasqui::worker {

// An adapter, which the model owns, and its strength.
struct AppliedAdapter {
  llama_adapter_lora* adapter = nullptr;
  float scale = 1.0F;

  bool operator==(const AppliedAdapter&) const = default;
};

// How many tokens of the context an answer that outgrows it may drop.
struct ContextShift {
  std::uint32_t keep_tokens = 0;  // at the start
};

// One prompt and the answers to generate. Checked by common/inference; the engine checks what needs
// the model.
struct GenerationRequest {
  TokenIds prompt;
  std::uint32_t candidates = 1;  // answers to make of it
  SamplingParams sampling;
  std::string grammar;           // GBNF; empty: none
  TokenIds visible_markers;      // control tokens whose names are part of the text
  std::uint32_t max_tokens = 0;  // 0: what the context leaves
  std::uint32_t min_tokens = 0;
  std::vector<std::string> stop_strings;
  TokenIds stop_tokens;
  bool include_stop = false;
  bool ignore_eos = false;
  // Log probabilities wanted, with so many rivals; nothing: none.
  std::optional<std::uint32_t> logprobs;
  std::vector<AppliedAdapter> adapters;
  // Nothing: an answer ends when the context is full.
  std::optional<ContextShift> shift;
  // Generated already, by a stream that broke: replayed, not sent again. One for each candidate, or
  // none.
  std::vector<TokenIds> resume;
  // The answer ends with an error then, and as it is after max_time.
  time::SteadyTime deadline = time::SteadyTime::max();
  std::optional<time::Duration> max_time;
  std::string owner;  // id of the router it came from; empty: none
  time::SteadyTime arrival;
};

enum class EndReason { kStop, kStopString, kMaxTokens, kMaxTime, kContextFull, kFormatDeadEnd };

// The prompt's computation begins.
struct GenerationStarted {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_prompt_tokens = 0;
};

struct GenerationTimings {
  time::Duration queue{};      // arrival to the first prompt token computed
  time::Duration prompt{};     // from there to the first token generated
  time::Duration predicted{};  // from there to the last
  time::Duration time_to_first_token{};
  std::uint32_t prompt_tokens = 0;     // computed, those replayed included
  std::uint32_t predicted_tokens = 0;  // generated here
  std::uint32_t preemptions = 0;       // set back for want of KV room
};

// How one answer ended.
struct CandidateEnd {
  EndReason reason = EndReason::kStop;
  std::string stop_string;              // the one found, for kStopString
  std::uint32_t completion_tokens = 0;  // those replayed included
  std::uint32_t shifted_tokens = 0;     // dropped from the context
};

struct GenerationFinished {
  std::vector<CandidateEnd> candidates;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;  // of all candidates
  GenerationTimings timings;
};

// In this order: one started, any number of pieces, then one finished or one error. The pieces of
// several candidates are mixed, those of each in their order.
using GenerationEvent =
    std::variant<GenerationStarted, TextPiece, GenerationFinished, absl::Status>;

// The reader's end of one answer: a bounded channel of events. Destroying it cancels the answer.
// Thread-safe: written by the engine's thread, read by one reader.
class Generation {
 public:
  virtual ~Generation() = default;

  // The next event, if there is one. After the last one never again.
  virtual std::optional<GenerationEvent> Take() = 0;

  // The answer ends and its slot is free within one step. Idempotent.
  virtual void Cancel() = 0;
};

}  // namespace chasqui::worker
