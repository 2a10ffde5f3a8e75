// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/sampling_team.h"

#include <algorithm>

namespace chasqui::worker {

SamplingTeam::SamplingTeam(std::uint32_t helpers, const ThreadPlacement& placement) {
  helpers_.reserve(helpers);
  for (std::uint32_t i = 0; i < helpers; ++i) {
    helpers_.emplace_back("sampling", [this, placement](const std::stop_token&) {
      PlaceThisThread(placement).IgnoreError();  // the engine's own thread has told
      Help();
    });
  }
}

SamplingTeam::~SamplingTeam() {
  const absl::MutexLock lock(mutex_);
  stopped_ = true;
}

void SamplingTeam::Job::Take() {
  for (std::size_t i = next++; i < count; i = next++) work(i);
}

void SamplingTeam::Run(std::size_t count, absl::FunctionRef<void(std::size_t)> work) {
  Job job{.count = count, .work = work};
  if (helpers_.empty() || count < 2) return job.Take();
  {
    const absl::MutexLock lock(mutex_);
    job_ = &job;
    ++number_;
  }
  job.Take();
  // Nothing is left to take: who comes late is not let in, and the others finish what they took.
  const absl::MutexLock lock(mutex_);
  job_ = nullptr;
  mutex_.Await(absl::Condition(+[](std::uint32_t* helping) { return *helping == 0; }, &helping_));
}

void SamplingTeam::Help() {
  std::uint64_t helped = 0;
  const auto may_help = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return MayHelp(helped); };
  const absl::MutexLock lock(mutex_);
  while (true) {
    mutex_.Await(absl::Condition(&may_help));
    if (stopped_) return;
    helped = number_;
    Job& job = *job_;
    ++helping_;
    mutex_.unlock();
    job.Take();
    mutex_.lock();
    --helping_;
  }
}

std::uint32_t SamplingHelpers(bool on_gpu, std::uint32_t cores, std::uint32_t slots) {
  constexpr std::uint32_t kMost = 7;
  if (!on_gpu) return 0;
  return std::min({kMost, cores / 2, slots - 1});
}

}  // namespace chasqui::worker
