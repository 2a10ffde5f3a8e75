// SPDX-License-Identifier: Apache-2.0
#include "tools/load/process_usage.h"

#include <ctime>
#include <fstream>

#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace chasqui::load {

absl::StatusOr<ProcessUsage> ReadUsage(const std::vector<int>& pids) {
  ProcessUsage usage;
  for (int pid : pids) {
    clockid_t clock{};
    timespec cpu{};
    uint64_t virtual_pages = 0;
    uint64_t resident_pages = 0;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &cpu) != 0 ||
        !(std::ifstream(absl::StrCat("/proc/", pid, "/statm")) >> virtual_pages >>
          resident_pages)) {
      return absl::NotFoundError(absl::StrCat("no process ", pid));
    }
    usage.cpu += std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
    usage.resident_bytes += resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  return usage;
}

}  // namespace chasqui::load
