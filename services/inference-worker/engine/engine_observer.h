// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/time/clock.h"

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
  // The slots of a request that was cancelled while it ran, so long ago, are free.
  virtual void OnCancelled(time::Duration since) = 0;
};

}  // namespace chasqui::worker
