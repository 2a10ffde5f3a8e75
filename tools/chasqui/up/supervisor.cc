// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace chasqui::cli {
namespace {

constexpr std::size_t kLastLines = 20;

bool Readable(int fd) {
  pollfd source = {fd, POLLIN, 0};
  return poll(&source, 1, 0) > 0;
}

// What a dead process said last, as far as it explains the death: its last error, as the services
// mark one in their logs, else its last lines.
std::string Explanation(const std::string& how, const std::deque<std::string>& last_lines) {
  if (last_lines.empty()) return how;
  const auto error = std::ranges::find_if(
      last_lines.rbegin(), last_lines.rend(),
      [](const std::string& line) { return absl::StrContains(line, " ERROR "); });
  if (error != last_lines.rend()) return absl::StrCat(how, "; it said: ", *error);
  const std::size_t skipped = last_lines.size() - std::min<std::size_t>(last_lines.size(), 3);
  return absl::StrCat(how, "; it said: ",
                      absl::StrJoin(last_lines.begin() + static_cast<std::ptrdiff_t>(skipped),
                                    last_lines.end(), " | "));
}

}  // namespace

Supervisor::Supervisor(std::string self, SupervisorEvents events)
    : self_(std::move(self)), events_(std::move(events)) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK_GE(wake_, 0) << "no file descriptors left";
  // The kernel ties the children to this thread: it lives as long as they do.
  thread_ = concurrency::NamedThread("supervisor", [this](const std::stop_token&) { Run(); });
}

Supervisor::~Supervisor() {
  {
    const absl::MutexLock lock(mutex_);
    ending_ = true;
  }
  Wake();
  thread_.Join();
  close(wake_);
}

void Supervisor::Start(ProcessSpec spec) {
  const absl::MutexLock lock(mutex_);
  Process& process = processes_[spec.name];
  process.spec = std::move(spec);
  Wake();
}

void Supervisor::KeepAlive() {
  const absl::MutexLock lock(mutex_);
  keep_alive_ = true;
}

bool Supervisor::Stop(const std::vector<std::string>& names, time::Duration grace) {
  const absl::MutexLock lock(mutex_);
  SetWish(names, Process::Wish::kTerminate);
  const auto ended = [&] {
    mutex_.AssertReaderHeld();
    return AllEnded(names);
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&ended), absl::FromChrono(grace))) {
    SetWish(names, Process::Wish::kKill);
    mutex_.Await(absl::Condition(&ended));
  }
  return std::ranges::all_of(names, [&](const std::string& name) {
    mutex_.AssertReaderHeld();
    const auto process = processes_.find(name);
    return process == processes_.end() || process->second.clean;
  });
}

void Supervisor::Kill() {
  const absl::MutexLock lock(mutex_);
  for (auto& [name, process] : processes_) SetWish({name}, Process::Wish::kKill);
}

void Supervisor::Interrupt() {
  const absl::MutexLock lock(mutex_);
  interrupted_ = true;
}

Supervisor::Trouble Supervisor::WaitForTrouble(time::Duration timeout) {
  const absl::MutexLock lock(mutex_);
  const auto trouble = [this] {
    mutex_.AssertReaderHeld();
    return HasTrouble();
  };
  mutex_.AwaitWithTimeout(absl::Condition(&trouble), absl::FromChrono(timeout));
  Trouble found{.interrupted = interrupted_, .given_up = {}, .reason = {}};
  for (auto& [name, process] : processes_) {
    if (process.end.empty()) continue;
    found.given_up.push_back(name);
    process.told = true;
    if (found.reason.empty()) found.reason = absl::StrCat(name, " ended: ", process.end);
  }
  return found;
}

pid_t Supervisor::PidOf(const std::string& name) const {
  const absl::MutexLock lock(mutex_);
  const auto process = processes_.find(name);
  return process == processes_.end() || !process->second.child ? 0 : process->second.child->pid();
}

void Supervisor::Run() {
  std::vector<Notice> notices;
  while (true) {
    {
      const absl::MutexLock lock(mutex_);
      if (ending_) {
        for (auto& [name, process] : processes_) process.child.reset();
        return;
      }
      for (auto& [name, process] : processes_) {
        Collect(process, notices);
        CarryOut(process, notices);
      }
    }
    for (const Notice& notice : notices) {
      const auto& tell = notice.death ? events_.on_death : events_.on_line;
      if (tell) tell(notice.name, notice.text);
    }
    notices.clear();
    WaitForEvents();
  }
}

void Supervisor::CarryOut(Process& process, std::vector<Notice>& notices) {
  if (process.child) {
    if (process.wish == Process::Wish::kRun || process.signalled) return;
    process.child->Signal(process.wish == Process::Wish::kTerminate ? SIGTERM : SIGKILL);
    process.signalled = true;
    return;
  }
  if (process.wish != Process::Wish::kRun || !process.end.empty()) return;
  if (time::SteadyNow() < process.next_start) return;
  absl::StatusOr<Child> child = Child::Start(self_, process.spec.program, process.spec.config);
  process.start_time = time::SteadyNow();
  if (child.ok()) {
    process.child.emplace(*std::move(child));
  } else {
    Died(process, std::string(child.status().message()), notices);
  }
}

void Supervisor::Collect(Process& process, std::vector<Notice>& notices) {
  if (!process.child) return;
  // Asked before the log is read: what it wrote before its end is then there.
  const bool ended = Readable(process.child->exit_fd());
  process.child->ReadOutput([&](std::string_view line) {
    process.last_lines.emplace_back(line);
    if (process.last_lines.size() > kLastLines) process.last_lines.pop_front();
    notices.push_back({.death = false, .name = process.spec.name, .text = std::string(line)});
  });
  if (!ended) return;
  const std::string how = process.child->Reap();
  process.child.reset();
  process.signalled = false;
  process.clean = how.empty();
  if (process.wish == Process::Wish::kRun) Died(process, how, notices);
}

void Supervisor::Died(Process& process, const std::string& how, std::vector<Notice>& notices) {
  const std::string why =
      Explanation(how.empty() ? "exit code 0" : how, std::exchange(process.last_lines, {}));
  const std::optional<time::Duration> delay =
      keep_alive_ ? process.policy.Died(time::SteadyNow() - process.start_time) : std::nullopt;
  if (!delay) {
    process.end = why;
    return;
  }
  process.next_start = time::SteadyNow() + *delay;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count();
  notices.push_back(
      {.death = true,
       .name = process.spec.name,
       .text = absl::StrCat("ended: ", why, "; it is started again in ", milliseconds, " ms")});
}

void Supervisor::WaitForEvents() {
  std::vector<pollfd> sources = {{wake_, POLLIN, 0}};
  std::optional<time::SteadyTime> due;
  {
    const absl::MutexLock lock(mutex_);
    for (const auto& [name, process] : processes_) {
      if (process.child) {
        sources.push_back({process.child->output_fd(), POLLIN, 0});
        sources.push_back({process.child->exit_fd(), POLLIN, 0});
      } else if (process.wish == Process::Wish::kRun && process.end.empty()) {
        due = std::min(due.value_or(process.next_start), process.next_start);
      }
    }
  }
  int timeout = -1;
  if (due) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*due - time::SteadyNow()).count();
    timeout = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
  }
  poll(sources.data(), sources.size(), timeout);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(wake_, &count, sizeof(count));
}

void Supervisor::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

bool Supervisor::HasTrouble() const {
  return interrupted_ || std::ranges::any_of(processes_, [](const auto& entry) {
           return !entry.second.end.empty() && !entry.second.told;
         });
}

bool Supervisor::AllEnded(const std::vector<std::string>& names) const {
  return std::ranges::none_of(names, [this](const std::string& name) {
    mutex_.AssertReaderHeld();
    const auto process = processes_.find(name);
    return process != processes_.end() && process->second.child.has_value();
  });
}

void Supervisor::SetWish(const std::vector<std::string>& names, Process::Wish wish) {
  for (const std::string& name : names) {
    const auto process = processes_.find(name);
    // A killing is never taken back.
    if (process == processes_.end() || process->second.wish == Process::Wish::kKill) continue;
    process->second.wish = wish;
    process->second.signalled = false;
  }
  Wake();
}

}  // namespace chasqui::cli
