// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/periodic.h"

#include <utility>

#include "absl/time/time.h"

namespace chasqui::concurrency {

Periodic::Periodic(std::string name, time::Duration interval, absl::AnyInvocable<void()> work)
    : interval_(interval),
      work_(std::move(work)),
      thread_(std::move(name), [this](std::stop_token) { Run(); }) {}

Periodic::~Periodic() {
  absl::MutexLock lock(mutex_);
  stopping_ = true;
  woken_ = true;
}

void Periodic::Wake() {
  absl::MutexLock lock(mutex_);
  woken_ = true;
}

void Periodic::Run() {
  for (;;) {
    {
      absl::MutexLock lock(mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&woken_), absl::FromChrono(interval_));
      if (stopping_) return;
      woken_ = false;
    }
    work_();
  }
}

}  // namespace chasqui::concurrency
