// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/processor_cores.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/inference-worker/processors/processor_list.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

std::string ReadLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Processors' worth of time that the top control group allows, 0 when it sets no limit. In a
// container that is the container's own group.
double Quota() {
  const std::vector<std::string> parts =
      absl::StrSplit(ReadLine("/sys/fs/cgroup/cpu.max"), ' ', absl::SkipEmpty());
  double quota = 0;
  double period = 0;
  if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &quota) ||
      !absl::SimpleAtod(parts[1], &period) || period <= 0) {
    return 0;
  }
  return quota / period;
}

}  // namespace

std::uint32_t CountCores(std::span<const int> cpus, const fs::path& root) {
  std::set<std::string> cores;  // each named by the processors that share it
  for (const int cpu : cpus) {
    const auto siblings = ReadLine(root / "sys/devices/system/cpu" / absl::StrCat("cpu", cpu) /
                                   "topology/thread_siblings_list");
    cores.insert(siblings.empty() ? absl::StrCat("cpu", cpu) : siblings);
  }
  return static_cast<std::uint32_t>(cores.size());
}

std::uint32_t AvailableCores(std::span<const int> processors) {
  std::uint32_t cores =
      processors.empty() ? CountCores(AllowedProcessors()) : CountCores(processors);
  if (const double quota = Quota(); quota > 0)
    cores = std::min(cores, static_cast<std::uint32_t>(quota));
  return std::max(cores, 1U);
}

}  // namespace chasqui::worker
