// SPDX-License-Identifier: Apache-2.0
#include "common/redis/link.h"

#include <csignal>
#include <cstdint>
#include <random>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/status/statusor.h"
#include "common/redis/connection.h"
#include "common/time/clock.h"

namespace chasqui::redis {

Link::Link(Options options)
    : options_(std::move(options)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK_GE(wake_, 0) << "no file descriptors left";
  thread_ =
      concurrency::NamedThread(options_.thread_name, [this](std::stop_token stop) { Run(stop); });
}

Link::~Link() {
  thread_.RequestStop();
  Wake();
  thread_.Join();
  close(wake_);
}

void Link::Send(std::vector<std::string> words, Callback done) {
  if (!TrySend(words, done) && done) done(Away("the server is away, or too much waits for it"));
}

bool Link::TrySend(std::vector<std::string>& words, Callback& done) {
  {
    absl::MutexLock lock(mutex_);
    if (!up() || pending_.load() >= options_.most_pending) return false;
    pending_.fetch_add(1);
    inbox_.push_back(
        {.words = std::move(words), .done = std::move(done), .asked = time::SteadyNow()});
    if (inbox_.size() > 1) return true;  // it has been woken for the first
  }
  Wake();
  return true;
}

void Link::Wake() const {
  const std::uint64_t one = 1;
  // It cannot fail but by overflow, and then the thread is awake.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

void Link::ClearWake() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof(count));
}

void Link::Run(const std::stop_token& stop) {
  // hiredis writes to connections that may be broken: that is an error, not the end of the process.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  resilience::Backoff backoff(options_.backoff);
  std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> uniform(0, 1);
  bool told = false;
  while (!stop.stop_requested()) {
    const absl::Status ended = Serve(stop);
    if (stop.stop_requested()) break;
    const bool was_up = up();
    if (was_up) backoff.Reset();
    SetUp(false, ended);
    if (was_up || !told) Tell(ended);
    told = true;
    ClearWake();
    if (stop.stop_requested()) break;
    pollfd wake{.fd = wake_, .events = POLLIN, .revents = 0};
    poll(&wake, 1, PollTimeout(time::SteadyNow() + backoff.NextDelay(uniform(random))));
  }
  SetUp(false, Away("its link is closed"));
}

absl::Status Link::Serve(const std::stop_token& stop) {
  Connection connection(options_, pending_);
  while (!stop.stop_requested()) {
    const absl::StatusOr<bool> woken = connection.Step(wake_);
    if (!woken.ok()) return woken.status();
    if (connection.ready() && !up()) {
      SetUp(true, absl::OkStatus());
      Tell(absl::OkStatus());
    }
    if (*woken) TakeInbox(connection);
  }
  return Away("its link is closed");
}

void Link::TakeInbox(Connection& connection) {
  ClearWake();
  std::vector<Command> inbox;
  {
    absl::MutexLock lock(mutex_);
    inbox.swap(inbox_);
  }
  for (Command& command : inbox) connection.Send(std::move(command));
}

// Under the lock, so that nothing is put into the inbox of a link that is down.
void Link::SetUp(bool is_up, const absl::Status& why) {
  std::vector<Command> left;
  {
    absl::MutexLock lock(mutex_);
    up_.store(is_up, std::memory_order_relaxed);
    if (!is_up) left.swap(inbox_);
  }
  for (Command& command : left) {
    pending_.fetch_sub(1);
    if (command.done) command.done(why);
  }
}

void Link::Tell(const absl::Status& state) {
  if (options_.on_state) options_.on_state(state);
}

}  // namespace chasqui::redis
