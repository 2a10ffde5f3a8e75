// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

namespace chasqui::testing {

// A real redis-server on a unix socket in a folder of its own, without a file of data. Useful for
// tests of what is kept in Redis, also when it dies, hangs or comes back. It ends with the thread
// that started it at the latest. Thread-compatible.
class RedisServer {
 public:
  // Starts it and waits until it answers. `password` may be empty.
  explicit RedisServer(std::string password = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  // "unix:/path".
  std::string address() const { return "unix:" + socket_; }

  // Starts it again after Kill(); it knows nothing then. Ends the test program with a message when
  // it does not answer within twenty seconds.
  void Start();
  // As kill -9 does.
  void Kill();
  // It is there and answers nobody until Resume().
  void Hang();
  void Resume();

  // What the server answers to an inline command, such as "SCRIPT FLUSH"; for one line only.
  std::string Ask(const std::string& command) const;

 private:
  const std::string password_;
  std::string folder_;
  std::string socket_;
  pid_t pid_ = -1;
};

}  // namespace chasqui::testing
