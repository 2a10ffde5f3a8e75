// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/chasqui/client/exit_code.h"

// Of unistd.h; the only other way to this process's own environment is getenv, one name at a time.
extern char** environ;

namespace chasqui::cli {
namespace {

constexpr int kConfigFd = 3;
constexpr std::size_t kLongestLine = 16 << 10;

absl::Status SystemError(std::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot start a process: ", what));
}

// Settings of the services in the environment of `up` would come on top of what `up` tells them.
std::vector<char*> ChildEnvironment() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with("CHASQUI_ROUTER_") || text.starts_with("CHASQUI_INFERENCE_WORKER_")) {
      continue;
    }
    kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& words, int config, int output) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup destroy = [&] {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  };
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&files, config, kConfigFd);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  errno = posix_spawn(&pid, words[0].c_str(), &files, &attributes, arguments.data(),
                      ChildEnvironment().data());
  if (errno != 0) return SystemError(words[0]);
  return pid;
}

}  // namespace

absl::StatusOr<Child> Child::Start(const std::string& self, const std::string& program,
                                   const std::string& config) {
  // Above the numbers of the child's own files, so that none of those is written over too early.
  const int memory = memfd_create("config.yaml", MFD_CLOEXEC);
  const int config_fd = fcntl(memory, F_DUPFD_CLOEXEC, kConfigFd + 1);
  const absl::Cleanup close_config = [=] {
    close(memory);
    close(config_fd);
  };
  if (config_fd < 0 ||
      write(config_fd, config.data(), config.size()) != static_cast<ssize_t>(config.size())) {
    return SystemError("no memory for its configuration");
  }
  std::array<int, 2> pipe;
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) return SystemError("no pipe");
  const int writer = fcntl(pipe[1], F_DUPFD_CLOEXEC, kConfigFd + 1);
  close(pipe[1]);
  const absl::StatusOr<pid_t> pid =
      Spawn({self, std::string(kLauncherCommand), absl::StrCat(getpid()), program, "--config",
             absl::StrCat("/proc/self/fd/", kConfigFd)},
            config_fd, writer);
  close(writer);
  if (!pid.ok()) {
    close(pipe[0]);
    return pid.status();
  }
  fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  // By its number: glibc's header forgets that C++ may include it.
  return Child(*pid, static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)), pipe[0]);
}

Child::Child(pid_t pid, int pid_fd, int output) : pid_(pid), pid_fd_(pid_fd), output_(output) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      output_(std::exchange(other.output_, -1)),
      partial_(std::move(other.partial_)) {}

Child::~Child() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Reap();
  }
  if (pid_fd_ >= 0) close(pid_fd_);
  if (output_ >= 0) close(output_);
}

void Child::Signal(int signal) const { kill(pid_, signal); }

void Child::ReadOutput(const std::function<void(std::string_view line)>& take) {
  if (output_ < 0) return;
  std::array<char, 1 << 14> block;
  ssize_t length = 0;
  while ((length = read(output_, block.data(), block.size())) > 0) {
    partial_.append(block.data(), static_cast<std::size_t>(length));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = partial_.find('\n', begin)) != std::string::npos;) {
      take(std::string_view(partial_).substr(begin, end - begin));
      begin = end + 1;
    }
    partial_.erase(0, begin);
    if (partial_.size() > kLongestLine) take(std::exchange(partial_, ""));
  }
  if (length == 0) {  // nobody can write any more
    if (!partial_.empty()) take(std::exchange(partial_, ""));
    close(std::exchange(output_, -1));
  }
}

std::string Child::Reap() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    return absl::StrCat("signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  }
  return WEXITSTATUS(status) == 0 ? "" : absl::StrCat("exit code ", WEXITSTATUS(status));
}

int RunLauncher(int argc, char** argv) {
  pid_t parent = 0;
  if (argc < 4 || !absl::SimpleAtoi(argv[2], &parent)) return kUsage;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have ended before the line above: nobody would tell this process then.
  if (getppid() != parent) return kFailed;
  execv(argv[3], argv + 3);
  std::fprintf(stderr, "cannot run %s: %s\n", argv[3], std::strerror(errno));
  return kFailed;
}

}  // namespace chasqui::cli
