// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/signal_waiter.h"

#include <csignal>
#include <cstdlib>
#include <utility>

#include <pthread.h>

namespace chasqui::rpc {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalWaiter::SignalWaiter() : SignalWaiter([](int signal) { std::_Exit(128 + signal); }) {}

SignalWaiter::SignalWaiter(absl::AnyInvocable<void(int signal)> at_once)
    : at_once_(std::move(at_once)), thread_("signals", [this](std::stop_token) { Run(); }) {}

SignalWaiter::~SignalWaiter() {
  {
    absl::MutexLock lock(mutex_);
    ending_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.Join();
}

int SignalWaiter::WaitForStop() {
  absl::MutexLock lock(mutex_);
  mutex_.Await(absl::Condition(&stopped_));
  return signal_;
}

void SignalWaiter::RequestStop() { Stop(0); }

bool SignalWaiter::stop_requested() const {
  absl::MutexLock lock(mutex_);
  return stopped_;
}

void SignalWaiter::Run() {
  const sigset_t set = StopSignals();
  for (int received = 0;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    {
      absl::MutexLock lock(mutex_);
      if (ending_) return;
    }
    if (++received > 1) {
      at_once_(signal);
    } else {
      Stop(signal);
    }
  }
}

void SignalWaiter::Stop(int signal) {
  absl::MutexLock lock(mutex_);
  if (std::exchange(stopped_, true)) return;
  signal_ = signal;
}

}  // namespace chasqui::rpc
