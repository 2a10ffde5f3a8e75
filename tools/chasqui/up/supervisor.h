// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/time/clock.h"
#include "tools/chasqui/up/child.h"
#include "tools/chasqui/up/restart_policy.h"

namespace chasqui::cli {

// A process to keep running.
struct ProcessSpec {
  std::string name;     // "worker-0"
  std::string program;  // path of the executable
  std::string config;   // its configuration file's text
};

// What the supervisor tells while it works. Called on its thread, without a lock; must not call
// back.
struct SupervisorEvents {
  // A process wrote a line to its log.
  std::function<void(std::string_view name, std::string_view line)> on_line;
  // A process ended that was to run; `text` says how, and what will be done.
  std::function<void(std::string_view name, const std::string& text)> on_death;
};

// Keeps processes running: starts them, reads their logs, starts those that die again by
// RestartPolicy, and stops them. Owned by `up`; whatever still runs is killed by the destructor.
// Thread-safe. Does not know whether a process is healthy.
class Supervisor {
 public:
  // `self` is this program's own path.
  Supervisor(std::string self, SupervisorEvents events);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // Has a process started soon. Names are given once.
  void Start(ProcessSpec spec);

  // From now on a process that dies is started again. Before, its death is a failure.
  void KeepAlive();

  // Has the processes terminated; those left after `grace` are killed. Blocks until all have ended,
  // which Kill() hastens. Whether all ended by themselves with exit code 0.
  bool Stop(const std::vector<std::string>& names, time::Duration grace);

  // Kills whatever runs, now and from now on. Does not block.
  void Kill();

  // Wakes WaitForTrouble(). Does not block.
  void Interrupt();

  // What WaitForTrouble() found.
  struct Trouble {
    bool interrupted = false;
    std::vector<std::string> given_up;  // processes that are not started again
    std::string reason;                 // of the first of them, in one line
  };

  // Blocks until Interrupt() was called, a process is given up that was not when last told, or
  // `timeout` has passed.
  Trouble WaitForTrouble(time::Duration timeout);

  // Process id of a running process, 0 when it does not run.
  pid_t PidOf(const std::string& name) const;

 private:
  struct Process {
    ProcessSpec spec;
    std::optional<Child> child;
    enum class Wish { kRun, kTerminate, kKill } wish = Wish::kRun;
    bool signalled = false;         // the wish has been carried out on this life
    bool clean = true;              // its last end was by itself, with exit code 0
    time::SteadyTime start_time{};  // of the current life
    time::SteadyTime next_start{};  // not before
    RestartPolicy policy;
    std::deque<std::string> last_lines;
    std::string end;    // why it was given up; empty while it is not
    bool told = false;  // WaitForTrouble() has told so
  };
  // An event to hand out once the lock is released.
  struct Notice {
    bool death = false;  // or a line
    std::string name;
    std::string text;
  };

  void Run();
  // Starts and signals `process` as its wish is.
  void CarryOut(Process& process, std::vector<Notice>& notices)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what `process` wrote, and its end.
  void Collect(Process& process, std::vector<Notice>& notices)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Decides what follows when a process that was to run does not: `how` is empty for exit code 0.
  void Died(Process& process, const std::string& how, std::vector<Notice>& notices)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Blocks until a process wrote or ended, Wake() was called or a restart is due.
  void WaitForEvents();
  void Wake() const;
  bool HasTrouble() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool AllEnded(const std::vector<std::string>& names) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void SetWish(const std::vector<std::string>& names, Process::Wish wish)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string self_;
  const SupervisorEvents events_;
  int wake_ = -1;  // eventfd
  mutable absl::Mutex mutex_;
  std::map<std::string, Process, std::less<>> processes_ ABSL_GUARDED_BY(mutex_);
  bool keep_alive_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  concurrency::NamedThread thread_;  // last: works on all of the above
};

}  // namespace chasqui::cli
