// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chasqui::cli {

// The hidden subcommand that Child starts, see RunLauncher.
inline constexpr std::string_view kLauncherCommand = "__launch";

// A running process of the suite. It is its parent's alone: in a process group of its own, so that
// Ctrl-C at the terminal reaches only `up`, and killed by the kernel when the thread that started
// it ends, so that it never outlives `up`. Confined to that thread. Killed by the destructor.
class Child {
 public:
  // Starts `program --config CONFIG` through this program's launcher. `config` travels in memory.
  static absl::StatusOr<Child> Start(const std::string& self, const std::string& program,
                                     const std::string& config);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  int output_fd() const { return output_; }  // readable when there are log lines; -1 once closed
  int exit_fd() const { return pid_fd_; }    // readable when it has ended

  void Signal(int signal) const;

  // Hands on the complete lines it wrote meanwhile. Does not block.
  void ReadOutput(const std::function<void(std::string_view line)>& take);

  // How it ended, once exit_fd() is readable: "exit code 1" or "signal 9 (Killed)"; empty for exit
  // code 0.
  std::string Reap();

 private:
  Child(pid_t pid, int pid_fd, int output);

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int output_ = -1;
  std::string partial_;  // a line without its end yet
};

// In the child: `chasqui __launch PARENT PROGRAM...` ties this process's life to its parent's and
// becomes PROGRAM. Returns only on failure, with an exit code. Called from main before any thread.
int RunLauncher(int argc, char** argv);

}  // namespace chasqui::cli
