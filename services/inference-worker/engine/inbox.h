// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/inference-worker/engine/answer_group.h"
#include "services/inference-worker/sampling/token_sampler.h"

namespace chasqui::worker {

// All that a request needs to run. Made on the thread that submits it.
struct SequenceParts {
  std::shared_ptr<AnswerGroup> group;
  std::vector<std::unique_ptr<TokenSampler>> samplers;  // one for each candidate
};

// What the engine's thread waits for: new answers, and reasons to look again. Bounded by the
// admission, which grants no more than there are slots. Thread-safe.
class Inbox {
 public:
  // False when the engine has stopped.
  bool Put(SequenceParts parts) {
    const absl::MutexLock lock(mutex_);
    if (stopped_) return false;
    arrived_.push_back(std::move(parts));
    woken_ = true;
    return true;
  }

  void Wake() {
    const absl::MutexLock lock(mutex_);
    woken_ = true;
  }

  // Takes nothing more and wakes the engine for good.
  void Stop() {
    const absl::MutexLock lock(mutex_);
    stopped_ = true;
    woken_ = true;
  }

  // What has arrived. Does not block.
  std::vector<SequenceParts> Take() {
    const absl::MutexLock lock(mutex_);
    woken_ = stopped_;
    return std::exchange(arrived_, {});
  }

  // Blocks until there is a reason to look again, at most until `limit` by the machine's clock.
  void Wait(time::SteadyTime limit) {
    const absl::MutexLock lock(mutex_);
    if (limit == time::SteadyTime::max()) {
      mutex_.Await(absl::Condition(&woken_));
    } else {
      mutex_.AwaitWithTimeout(absl::Condition(&woken_),
                              absl::FromChrono(limit - time::SteadyNow()));
    }
  }

 private:
  absl::Mutex mutex_;
  std::vector<SequenceParts> arrived_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chasqui::worker
