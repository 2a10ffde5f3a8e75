// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/redis/command.h"
#include "common/redis/link.h"
#include "common/time/clock.h"

struct redisAsyncContext;

namespace chasqui::redis {

// Milliseconds until `deadline` as poll() takes them, rounded up; none: for ever.
int PollTimeout(std::optional<time::SteadyTime> deadline);

// One connection of a Link, from connecting to its end: hiredis and the loop that serves it. Owned
// by Link::Serve. Confined to the link's thread.
class Connection {
 public:
  // Begins to connect. Both outlive it; `pending` counts commands down as they are done with.
  Connection(Link::Options& options, std::atomic<std::size_t>& pending);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Commands that have no answer fail.
  ~Connection();

  // Whether the server has answered the greeting and the channels are heard.
  bool ready() const { return greeted_ && ungreeted_ == 0; }

  // Waits for the server, for `wake` or for what is due, and sees to it. Whether `wake` can be
  // read; or why the connection has ended.
  absl::StatusOr<bool> Step(int wake);

  // One without words is only called.
  void Send(Command command);

 private:
  // A command that hiredis holds until it has an answer.
  struct Waiting {
    Connection& connection;
    Callback done;
    time::SteadyTime asked;
    time::SteadyTime sent;
  };

  void Connect();
  void SetHooks();
  void Greet();
  void Greet(std::vector<std::string> words);
  void Listen();
  absl::Status Ended() const;
  // Tells who has waited for too long, pings a silent server; why the connection counts as broken.
  absl::Status SeeToTimes(time::SteadyTime now);
  std::optional<time::SteadyTime> NextDeadline() const;
  void OnReady(short events, bool trouble);
  void OnAnswer(Waiting& waiting, ReplyOr answer);

  Link::Options& options_;
  std::atomic<std::size_t>& pending_;
  const time::SteadyTime began_;
  // hiredis frees it itself when the connection ends; it is then null.
  redisAsyncContext* context_ = nullptr;
  bool reading_ = false;
  bool writing_ = false;
  bool connected_ = false;
  bool greeted_ = false;
  std::size_t ungreeted_ = 0;  // parts of the greeting without an answer
  absl::Status failure_;
  time::SteadyTime heard_;        // when the server last said anything
  std::deque<Waiting*> waiting_;  // in the order of their answers
  std::size_t given_up_ = 0;      // how many of them, from the front, were told they are late
};

}  // namespace chasqui::redis
