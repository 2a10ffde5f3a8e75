// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine_meter.h"

#include <algorithm>
#include <chrono>

namespace chasqui::worker {
namespace {

double Blend(double old, double value) {
  constexpr double kWeight = 0.1;  // of the new value: about the last twenty steps count
  return old + kWeight * (value - old);
}

double Greater(double old, double value) { return std::max(old, value); }

}  // namespace

void EngineMeter::OnStep(const StepReport& step) {
  Add(generated_, step.generated_tokens);
  Add(prompts_, step.prompt_tokens);
  Measure(step, Blend);
  MeasureCosts(step);
}

void EngineMeter::OnWarmUp(const StepReport& step) {
  Measure(step, Greater);
  MeasureCosts(step);
}

void EngineMeter::MeasureCosts(const StepReport& step) {
  const double seconds = std::chrono::duration<double>(step.duration).count();
  if (step.prompt_tokens == 0) return costs_.OnDecode(step.sequences, seconds);
  const double decoding = step.decoding > 0 ? costs_.decode_seconds(step.decoding) : 0;
  // However it was measured, a prompt's token is not free.
  costs_.OnPrompt(step.prompt_tokens, std::max(seconds - decoding, seconds / 10));
}

void EngineMeter::SetKv(const KvUse& use) {
  running_tokens_.store(use.running_tokens, std::memory_order_relaxed);
  waiting_.store(use.waiting, std::memory_order_relaxed);
  evictions_.store(use.evictions, std::memory_order_relaxed);
  host_restores_.store(use.host_restores, std::memory_order_relaxed);
  host_bytes_.store(use.host_bytes, std::memory_order_relaxed);
}

KvUse EngineMeter::kv() const {
  return {.running_tokens = running_tokens_.load(std::memory_order_relaxed),
          .waiting = waiting_.load(std::memory_order_relaxed),
          .evictions = evictions_.load(std::memory_order_relaxed),
          .host_restores = host_restores_.load(std::memory_order_relaxed),
          .host_bytes = host_bytes_.load(std::memory_order_relaxed)};
}

void EngineMeter::Measure(const StepReport& step, Combine combine) {
  const auto put = [combine](std::atomic<double>& rate, double value) {
    const double old = rate.load(std::memory_order_relaxed);
    rate.store(old == 0 ? value : combine(old, value), std::memory_order_relaxed);
  };
  // A short chunk costs a whole pass over the weights: its rate says nothing.
  constexpr std::uint32_t kLeastPrompt = 32;
  const double seconds = std::chrono::duration<double>(step.duration).count();
  if (seconds <= 0) return;
  if (step.prompt_tokens == 0) {
    // The rate with all slots busy: close to it will do.
    if (4 * step.sequences >= 3 * slots_) put(decode_rate_, step.generated_tokens / seconds);
  } else if (step.prompt_tokens >= kLeastPrompt && step.sequences * 8 <= step.prompt_tokens) {
    put(prompt_rate_, step.prompt_tokens / seconds);
  }
}

}  // namespace chasqui::worker
