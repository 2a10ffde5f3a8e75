// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "services/inference-worker/processors/thread_placement.h"

namespace chasqui::worker {

// Threads that help the engine's to choose tokens. With a vocabulary of 150,000 one choice looks at
// 600 KB, and those of 32 answers one after the other take as long as a GPU needs for a step. Owned
// by the engine's loop and used by its thread alone.
class SamplingTeam {
 public:
  // The helpers run where `placement` says; one that cannot runs where the process does.
  SamplingTeam(std::uint32_t helpers, const ThreadPlacement& placement);
  ~SamplingTeam();
  SamplingTeam(const SamplingTeam&) = delete;
  SamplingTeam& operator=(const SamplingTeam&) = delete;

  // Calls `work` once with each number below `count`, on this thread and the helpers', in any
  // order, and returns when all calls have.
  void Run(std::size_t count, absl::FunctionRef<void(std::size_t)> work);

 private:
  struct Job {
    const std::size_t count;
    const absl::FunctionRef<void(std::size_t)> work;
    std::atomic<std::size_t> next = 0;

    void Take();
  };

  void Help();
  bool MayHelp(std::uint64_t helped) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || (job_ != nullptr && number_ != helped);
  }

  absl::Mutex mutex_;
  Job* job_ ABSL_GUARDED_BY(mutex_) = nullptr;         // nullptr: there is none to join
  std::uint64_t number_ ABSL_GUARDED_BY(mutex_) = 0;   // of the job
  std::uint32_t helping_ ABSL_GUARDED_BY(mutex_) = 0;  // helpers at work
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<concurrency::NamedThread> helpers_;
};

// How many helpers are worth it: none where the processors compute the model, for a step needs all
// of them; else some of the `cores`, and no more than `slots` have use for. Pure.
std::uint32_t SamplingHelpers(bool on_gpu, std::uint32_t cores, std::uint32_t slots);

}  // namespace chasqui::worker
