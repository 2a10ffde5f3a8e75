// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"

namespace chasqui::rpc {

// Blocks SIGINT and SIGTERM in this thread and those it starts. PrepareProcess() does it.
void BlockStopSignals();

// Receives SIGINT and SIGTERM on a thread of its own: the first asks the program to stop in order,
// the second calls `at_once`, which by default ends the process. One in a process, owned by main();
// the signals must be blocked. Thread-safe.
//
//   SignalWaiter signals;
//   ... server.Start() ...
//   signals.WaitForStop();
//   server.Drain(grace);
class SignalWaiter {
 public:
  SignalWaiter();
  explicit SignalWaiter(absl::AnyInvocable<void(int signal)> at_once);
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;
  ~SignalWaiter();

  // Blocks until the first signal, or RequestStop(). The signal, 0 for RequestStop().
  int WaitForStop();

  // Does what the first signal does; for a program that stops by itself.
  void RequestStop();

  bool stop_requested() const;

 private:
  void Run();
  void Stop(int signal);

  absl::AnyInvocable<void(int)> at_once_;
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;  // the destructor runs
  int signal_ ABSL_GUARDED_BY(mutex_) = 0;
  concurrency::NamedThread thread_;  // last: works on all of the above
};

}  // namespace chasqui::rpc
