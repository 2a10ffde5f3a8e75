// SPDX-License-Identifier: Apache-2.0
#include "common/observability/process_metrics.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/observability/metrics.h"

namespace chasqui::observability {
namespace {

std::string ReadProc(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What proc(5) says of /proc/self/stat, from its third field (the state) on.
class Stat {
 public:
  static std::optional<Stat> Read() {
    const std::string text = ReadProc("/proc/self/stat");
    // The second field is the command in parentheses and may hold anything.
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos) return std::nullopt;
    Stat stat;
    stat.fields_ = absl::StrSplit(text.substr(end + 1), ' ', absl::SkipWhitespace());
    return stat;
  }

  // `field` counts from 1, as in proc(5).
  double Number(std::size_t field) const {
    double value = 0;
    if (field < 3 || field - 3 >= fields_.size()) return 0;
    return absl::SimpleAtod(fields_[field - 3], &value) ? value : 0;
  }

 private:
  std::vector<std::string> fields_;
};

constexpr std::size_t kUserTicks = 14;
constexpr std::size_t kSystemTicks = 15;
constexpr std::size_t kThreads = 20;
constexpr std::size_t kStartTicks = 22;
constexpr std::size_t kVirtualBytes = 23;
constexpr std::size_t kResidentPages = 24;

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

// When the machine was started, in seconds since 1970.
double BootSeconds() {
  for (const std::string_view line : absl::StrSplit(ReadProc("/proc/stat"), '\n')) {
    double seconds = 0;
    if (line.starts_with("btime ") && absl::SimpleAtod(line.substr(6), &seconds)) return seconds;
  }
  return 0;
}

std::optional<double> OpenFds() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  double count = 0;
  for (const auto end = std::filesystem::directory_iterator(); entries != end && !error;
       entries.increment(error)) {
    ++count;
  }
  return count - 1;  // one of them is the directory being read
}

}  // namespace

ProcessMetrics::ProcessMetrics(Metrics& metrics)
    : cpu_seconds_(metrics.AddCounter("process_cpu_seconds_total",
                                      "User and system CPU time spent, in seconds.")),
      resident_bytes_(
          metrics.AddGauge("process_resident_memory_bytes", "Resident memory, in bytes.")),
      virtual_bytes_(metrics.AddGauge("process_virtual_memory_bytes", "Virtual memory, in bytes.")),
      open_fds_(metrics.AddGauge("process_open_fds", "Open file descriptors.")),
      max_fds_(metrics.AddGauge("process_max_fds", "Most file descriptors that may be open.")),
      threads_(metrics.AddGauge("process_threads", "Threads.")),
      start_seconds_(metrics.AddGauge("process_start_time_seconds",
                                      "Start of the process, in seconds since 1970.")) {}

void ProcessMetrics::Collect() {
  if (const std::optional<Stat> stat = Stat::Read()) {
    const double cpu = (stat->Number(kUserTicks) + stat->Number(kSystemTicks)) / TicksPerSecond();
    // A counter can only grow by a difference.
    cpu_seconds_.Increment(std::max(0.0, cpu - cpu_seconds_.Value()));
    resident_bytes_.Set(stat->Number(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    virtual_bytes_.Set(stat->Number(kVirtualBytes));
    threads_.Set(stat->Number(kThreads));
    start_seconds_.Set(BootSeconds() + stat->Number(kStartTicks) / TicksPerSecond());
  }
  if (const std::optional<double> fds = OpenFds()) open_fds_.Set(*fds);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) max_fds_.Set(static_cast<double>(limit.rlim_cur));
}

}  // namespace chasqui::observability
