// SPDX-License-Identifier: Apache-2.0
#include "tests/support/redis_server.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "tests/support/wait_until.h"

namespace chasqui::testing {

RedisServer::RedisServer(std::string password) : password_(std::move(password)) {
  // Short: the path of a socket has at most 107 characters.
  std::string pattern = "/tmp/chasqui-redis-XXXXXX";
  CHECK(mkdtemp(pattern.data()) != nullptr) << "no folder for Redis";
  folder_ = pattern;
  socket_ = absl::StrCat(folder_, "/redis.sock");
  Start();
}

RedisServer::~RedisServer() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::Start() {
  std::vector<std::string> words = {"redis-server",
                                    "--port",
                                    "0",
                                    "--unixsocket",
                                    socket_,
                                    "--save",
                                    "",
                                    "--appendonly",
                                    "no",
                                    "--dir",
                                    folder_,
                                    "--logfile",
                                    absl::StrCat(folder_, "/log"),
                                    "--daemonize",
                                    "no"};
  if (!password_.empty()) words.insert(words.end(), {"--requirepass", password_});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  CHECK_GT(pid_, 0);
  CHECK(WaitUntil([this] { return Ask("PING") == "+PONG\r\n"; }))
      << "redis-server does not answer; is it installed?";
}

void RedisServer::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::Hang() { kill(pid_, SIGSTOP); }
void RedisServer::Resume() { kill(pid_, SIGCONT); }

std::string RedisServer::Ask(const std::string& command) const {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string login = password_.empty() ? "" : absl::StrCat("AUTH ", password_, "\r\n");
    const auto exchange = [&](const std::string& line) {
      std::array<char, 4096> block;
      if (write(connection, line.data(), line.size()) < 0) return std::string();
      const ssize_t got = read(connection, block.data(), block.size());
      return got > 0 ? std::string(block.data(), static_cast<std::size_t>(got)) : std::string();
    };
    if (!login.empty()) exchange(login);
    answer = exchange(command + "\r\n");
  }
  close(connection);
  return answer;
}

}  // namespace chasqui::testing
