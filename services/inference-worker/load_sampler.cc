// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/load_sampler.h"

#include <chrono>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace chasqui::worker {
namespace {

constexpr std::chrono::milliseconds kShortestWindow{500};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

LoadSampler::Sample LoadSampler::Read() {
  const absl::MutexLock lock(mutex_);
  const auto now = time::SteadyNow();
  if (now - last_time_ < kShortestWindow) return sample_;
  const double cpu = CpuSeconds();
  const double elapsed = std::chrono::duration<double>(now - last_time_).count();
  if (last_time_ != time::SteadyTime{}) sample_.cpu_cores = (cpu - last_cpu_seconds_) / elapsed;
  sample_.resident_bytes = ResidentBytes();
  last_time_ = now;
  last_cpu_seconds_ = cpu;
  return sample_;
}

}  // namespace chasqui::worker
