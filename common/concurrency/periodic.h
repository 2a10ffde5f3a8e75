// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/time/clock.h"

namespace chasqui::concurrency {

// Calls a function every `interval` on a thread of its own, first after one interval, until
// destroyed (which waits for a call in progress). Thread-safe. For work that may block; what does
// not block is better a timer of an rpc::Loop.
class Periodic {
 public:
  Periodic(std::string name, time::Duration interval, absl::AnyInvocable<void()> work);
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;
  ~Periodic();

  // Calls the function soon, without waiting for the interval to pass.
  void Wake();

 private:
  void Run();

  const time::Duration interval_;
  absl::AnyInvocable<void()> work_;
  absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  NamedThread thread_;  // last: works on all of the above
};

}  // namespace chasqui::concurrency
