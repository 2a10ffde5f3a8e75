// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/resilience/backoff.h"

struct redisAsyncContext;

namespace chasqui::router {

// One connection to a Redis server, on a thread of its own: commands of all threads are pipelined,
// and nobody waits but who asked. When the connection cannot be made or breaks, what is under way
// fails, the link is down, and it is tried again with backoff. Owned by SharedLimits. Thread-safe.
class RedisLink {
 public:
  struct Options {
    std::string address;  // "host:port" or "unix:/path"
    std::string username;
    std::string password;
    int database = 0;
    // How long a connection may take; and how long an answer, before the connection counts as
    // broken.
    std::chrono::milliseconds connect_timeout{1000};
    std::chrono::milliseconds command_timeout{1000};
    resilience::BackoffOptions backoff{.initial = std::chrono::milliseconds(50),
                                       .maximum = std::chrono::seconds(5),
                                       .multiplier = 2};
    // Commands that wait for their answer; one more is refused.
    std::size_t most_pending = 10'000;
    // Sent after each connection is made, before the link is up.
    std::vector<std::vector<std::string>> greeting;
    // Is told, on the link's thread, that the link is up (an OK status), or why it no longer is.
    absl::AnyInvocable<void(const absl::Status& state)> on_state;
  };

  // The integers of an array, or why there are none: UNAVAILABLE when the connection broke,
  // FAILED_PRECONDITION when the server has no such script, INTERNAL for its other errors.
  using Reply = absl::StatusOr<std::vector<std::int64_t>>;
  using Callback = absl::AnyInvocable<void(Reply)>;

  explicit RedisLink(Options options);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;
  ~RedisLink();

  bool up() const { return up_.load(std::memory_order_relaxed); }

  // Has the command sent and `done` called with its answer, on the link's thread. False, and `done`
  // is never called, while the link is down or too many commands wait.
  bool Send(std::vector<std::string> command, Callback done);

 private:
  class Events;
  struct Command {
    std::vector<std::string> words;
    Callback done;  // may be empty
  };

  void Run(const std::stop_token& stop);
  absl::Status Serve(const std::stop_token& stop);
  void SendNow(Events& events, Command command);
  void TakeInbox(Events& events);
  void SetUp(bool up, const absl::Status& why);
  void Wake() const;
  void ClearWake() const;

  Options options_;
  int wake_ = -1;  // eventfd
  std::atomic<bool> up_ = false;
  std::atomic<std::size_t> pending_ = 0;
  absl::Mutex mutex_;
  std::vector<Command> inbox_ ABSL_GUARDED_BY(mutex_);
  concurrency::NamedThread thread_;  // last: works on all of the above
};

}  // namespace chasqui::router
