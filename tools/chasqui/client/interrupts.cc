// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/client/interrupts.h"

#include <array>
#include <cstdint>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "tools/chasqui/client/exit_code.h"

namespace chasqui::cli {

Interrupts::Interrupts() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC);
  CHECK(signals_ >= 0 && wake_ >= 0) << "no file descriptors left";
  thread_ = concurrency::NamedThread("interrupts", [this](const std::stop_token&) { Watch(); });
}

Interrupts::~Interrupts() {
  const uint64_t one = 1;
  CHECK_EQ(write(wake_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  thread_.Join();
  close(signals_);
  close(wake_);
}

void Interrupts::Watch() {
  std::array<pollfd, 2> sources = {{{signals_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  while (true) {
    if (poll(sources.data(), sources.size(), -1) < 0) continue;
    if (sources[1].revents != 0) return;
    signalfd_siginfo info;
    if (sources[0].revents != 0 && read(signals_, &info, sizeof(info)) > 0)
      Deliver(static_cast<int>(info.ssi_signo));
  }
}

void Interrupts::Deliver(int signal) {
  if (signal != SIGINT) told_to_end_.store(true, std::memory_order_relaxed);
  const absl::MutexLock lock(mutex_);
  if (!handler_) _exit(kInterrupted);
  handler_(signal);
}

Interrupts::Scope::Scope(Interrupts& interrupts, Handler handler) : interrupts_(interrupts) {
  const absl::MutexLock lock(interrupts_.mutex_);
  previous_ = std::exchange(interrupts_.handler_, std::move(handler));
}

Interrupts::Scope::~Scope() {
  const absl::MutexLock lock(interrupts_.mutex_);
  interrupts_.handler_ = std::move(previous_);
}

}  // namespace chasqui::cli
