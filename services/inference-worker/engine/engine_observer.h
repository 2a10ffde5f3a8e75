// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "common/time/clock.h"
#include "services/inference-worker/engine/generation.h"

namespace chasqui::worker {

// What one step of the engine did.
struct StepReport {
  std::uint32_t sequences = 0;
  std::uint32_t decoding = 0;  // of these, those that had generated before
  std::uint32_t prompt_tokens = 0;
  std::uint32_t generated_tokens = 0;
  time::Duration duration{};
};

// Takes the engine's measurements, for metrics. Called on the engine's thread; must not block.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;

  virtual void OnStep(const StepReport& step) = 0;
  virtual void OnFirstToken(time::Duration since_arrival) = 0;
  virtual void OnNextToken(time::Duration since_last) = 0;
  // An answer has ended. Nothing: by an error or because it was cancelled.
  virtual void OnEnd(const std::optional<EndReason>& reason, const GenerationTimings& timings,
                     time::Duration since_arrival) = 0;
};

}  // namespace chasqui::worker
