// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "services/inference-worker/batch/step_costs.h"
#include "services/inference-worker/engine/engine_observer.h"

namespace chasqui::worker {

// What is in the KV cache, and has left it.
struct KvUse {
  std::uint32_t running_tokens = 0;  // of answers that run
  std::uint32_t waiting = 0;         // answers that wait for room
  std::uint64_t evictions = 0;
  std::uint64_t host_restores = 0;
  std::uint64_t host_bytes = 0;
};

// Counts what an engine does and measures its rates. Written by the engine's thread, read by any.
class EngineMeter {
 public:
  explicit EngineMeter(std::uint32_t slots) : slots_(slots) {}

  void OnStep(const StepReport& step);
  // A step nobody asked for: tells the rates, counts no tokens. The fastest of several counts, for
  // whatever disturbs a step makes it slower, and a router compares the rates of workers.
  void OnWarmUp(const StepReport& step);
  void OnEnd() { Add(requests_, 1); }
  void OnSeated(std::uint32_t cached_tokens) { Add(cached_prompts_, cached_tokens); }
  void OnPreempted() { Add(preemptions_, 1); }
  void SetKv(const KvUse& use);

  KvUse kv() const;
  std::uint64_t cached_prompt_tokens() const {
    return cached_prompts_.load(std::memory_order_relaxed);
  }
  std::uint64_t preemptions() const { return preemptions_.load(std::memory_order_relaxed); }
  // Of the last steps; for the engine's thread, or before it runs.
  const StepCosts& costs() const { return costs_; }
  std::uint64_t generated_tokens() const { return generated_.load(std::memory_order_relaxed); }
  std::uint64_t prompt_tokens() const { return prompts_.load(std::memory_order_relaxed); }
  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  // 0 while not measured.
  double decode_rate() const { return decode_rate_.load(std::memory_order_relaxed); }
  double prompt_rate() const { return prompt_rate_.load(std::memory_order_relaxed); }

 private:
  // How a new value joins what was measured before.
  using Combine = double (*)(double old, double value);

  void Measure(const StepReport& step, Combine combine);
  void MeasureCosts(const StepReport& step);

  // One thread writes: no need for a locked addition.
  static void Add(std::atomic<std::uint64_t>& counter, std::uint64_t count) {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  const std::uint32_t slots_;
  StepCosts costs_;
  std::atomic<std::uint32_t> running_tokens_ = 0;
  std::atomic<std::uint32_t> waiting_ = 0;
  std::atomic<std::uint64_t> evictions_ = 0;
  std::atomic<std::uint64_t> host_restores_ = 0;
  std::atomic<std::uint64_t> host_bytes_ = 0;
  std::atomic<std::uint64_t> cached_prompts_ = 0;
  std::atomic<std::uint64_t> preemptions_ = 0;
  std::atomic<std::uint64_t> generated_ = 0;
  std::atomic<std::uint64_t> prompts_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<double> decode_rate_ = 0;  // tokens a second with all slots busy
  std::atomic<double> prompt_rate_ = 0;  // tokens a second of prompts alone
};

}  // namespace chasqui::worker
