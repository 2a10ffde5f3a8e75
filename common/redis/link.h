// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/redis/reply.h"
#include "common/resilience/backoff.h"

struct redisAsyncContext;

namespace chasqui::redis {

// One connection to a Redis server, on a thread of its own: commands of all threads are pipelined,
// and nobody waits but who asked. When the connection cannot be made or breaks, what is under way
// fails, the link is down, and it is tried again with backoff. It can also hear what is published.
// Owned by what speaks through it. Thread-safe.
class Link {
 public:
  struct Options {
    std::string thread_name;  // of at most 15 characters
    std::string address;      // "host:port" or "unix:/path"
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
    // Channels that are listened to; the link is up when it hears them. The greeting must then ask
    // for the protocol 3 (HELLO), in which messages and answers share a connection.
    std::vector<std::string> channels;
    // Is told what is published on them, on the link's thread.
    absl::AnyInvocable<void(std::string_view channel, std::string_view message)> on_message;
    // How often a connection that is silent is tried; zero: only commands try it.
    std::chrono::milliseconds ping_interval{0};
    // Is told, on the link's thread, that the link is up (an OK status), or why it no longer is.
    absl::AnyInvocable<void(const absl::Status& state)> on_state;
  };

  using Callback = absl::AnyInvocable<void(ReplyOr)>;

  explicit Link(Options options);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

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
  // Sends the greeting, then listens; `waiting` counts what has no answer yet.
  void Greet(Events& events);
  void Listen(Events& events);
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

}  // namespace chasqui::redis
