// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/redis/command.h"
#include "common/resilience/backoff.h"

namespace chasqui::redis {

class Connection;

// One connection to a Redis server, on a thread of its own: commands of all threads are pipelined,
// and nobody waits but who asked. When the connection cannot be made or breaks, what is under way
// fails, the link is down, and it is tried again with backoff. It can hear what is published, too.
// Owned by what speaks through it. Thread-safe.
class Link {
 public:
  struct Options {
    std::string thread_name = "redis";  // of at most 15 characters
    std::string address;                // "host:port" or "unix:/path"
    // How long a connection may take; and how long a server that owes an answer may be silent,
    // before the connection counts as broken.
    std::chrono::milliseconds connect_timeout{1000};
    std::chrono::milliseconds command_timeout{1000};
    // How long who asked waits: then it is told DEADLINE_EXCEEDED, and an answer that still comes
    // is dropped. Zero: as long as there is a connection.
    std::chrono::milliseconds answer_timeout{0};
    // Is told, on the link's thread, that such an answer came. May be empty.
    absl::AnyInvocable<void()> on_late_answer;
    // How long the server may be silent before it is pinged. Zero: it is never.
    std::chrono::milliseconds ping_interval{0};
    resilience::BackoffOptions backoff{.initial = std::chrono::milliseconds(50),
                                       .maximum = std::chrono::seconds(5),
                                       .multiplier = 2};
    // Commands that wait for their answer; one more is refused.
    std::size_t most_pending = 10'000;
    // Sent after each connection is made, before the link is up.
    std::vector<std::vector<std::string>> greeting;
    // Channels that are listened to: the link is up once it hears them. Messages and answers come
    // in the order in which the server made them. Needs Redis 6.
    std::vector<std::string> channels;
    // Is told, on the link's thread, what is published there.
    absl::AnyInvocable<void(std::string_view channel, std::string_view payload)> on_message;
    // Is told, on the link's thread, that the link is up (an OK status), or why it no longer is.
    // May be empty.
    absl::AnyInvocable<void(const absl::Status& state)> on_state;
  };

  explicit Link(Options options);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  bool up() const { return up_.load(std::memory_order_relaxed); }

  // Has the command sent. `done`, which may be empty, is called once: with the answer, or that it
  // is late, on the link's thread; or with UNAVAILABLE, perhaps before this returns, when the link
  // is down or too many commands wait.
  void Send(std::vector<std::string> words, Callback done);

  // Has `call` called on the link's thread, after all that it has been given before; or as Send()
  // would, with UNAVAILABLE.
  void Post(Callback call) { Send({}, std::move(call)); }

  // As Send(), but false, with both as they were, when the link is down or too many wait.
  bool TrySend(std::vector<std::string>& words, Callback& done);

 private:
  void Run(const std::stop_token& stop);
  absl::Status Serve(const std::stop_token& stop);
  void TakeInbox(Connection& connection);
  void SetUp(bool up, const absl::Status& why);
  void Tell(const absl::Status& state);
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
