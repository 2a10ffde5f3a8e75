// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine_meter.h"

#include <chrono>

namespace chasqui::worker {
namespace {

void Blend(std::atomic<double>& average, double value) {
  constexpr double kWeight = 0.1;  // of the new value: about the last twenty steps count
  const double old = average.load(std::memory_order_relaxed);
  average.store(old == 0 ? value : old + kWeight * (value - old), std::memory_order_relaxed);
}

}  // namespace

void EngineMeter::OnStep(const StepReport& step) {
  Add(generated_, step.generated_tokens);
  Add(prompts_, step.prompt_tokens);
  Measure(step);
}

void EngineMeter::Measure(const StepReport& step) {
  // A short chunk costs a whole pass over the weights: its rate says nothing.
  constexpr std::uint32_t kLeastPrompt = 32;
  const double seconds = std::chrono::duration<double>(step.duration).count();
  if (seconds <= 0) return;
  if (step.prompt_tokens == 0) {
    // The rate with all slots busy: close to it will do.
    if (4 * step.sequences >= 3 * slots_) Blend(decode_rate_, step.generated_tokens / seconds);
  } else if (step.prompt_tokens >= kLeastPrompt && step.sequences * 8 <= step.prompt_tokens) {
    Blend(prompt_rate_, step.prompt_tokens / seconds);
  }
}

}  // namespace chasqui::worker
