// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>

#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"

namespace chasqui::cli {

// Ctrl-C, SIGTERM and SIGHUP as calls on a thread of its own, so that what they interrupt can be
// stopped in good order. Made in main before any other thread, one a process. Thread-safe.
//
// The signals are blocked in every thread made after it; children that are started must unblock
// them.
class Interrupts {
 public:
  using Handler = std::function<void(int signal)>;

  // Takes interrupts while it lives, in place of the scope around it. The handler runs on the
  // signal thread and under this object's lock, so that none runs once the scope has ended: it must
  // neither block nor make or end a scope.
  class [[nodiscard]] Scope {
   public:
    Scope(Interrupts& interrupts, Handler handler);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

   private:
    Interrupts& interrupts_;
    Handler previous_;
  };

  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  // Whether the process was told to end, by another signal than Ctrl-C.
  bool told_to_end() const { return told_to_end_.load(std::memory_order_relaxed); }

 private:
  void Watch();
  void Deliver(int signal);

  int signals_ = -1;  // signalfd
  int wake_ = -1;     // eventfd: the destructor's word to the thread
  std::atomic<bool> told_to_end_ = false;
  absl::Mutex mutex_;
  Handler handler_ ABSL_GUARDED_BY(mutex_);  // empty: an interrupt ends the process at once
  concurrency::NamedThread thread_;          // last: works on all of the above
};

}  // namespace chasqui::cli
