// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/gpu_sysfs.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

std::optional<double> ReadNumber(const fs::path& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return static_cast<double>(number);
}

std::vector<fs::path> Entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    paths.push_back(entry->path());
  }
  std::ranges::sort(paths);
  return paths;
}

// The sensors are temp1_input, temp2_input and so on; xe has no first.
std::optional<double> Temperature(const fs::path& device) {
  constexpr int kSensors = 8;
  constexpr double kPerDegree = 1000;
  for (const fs::path& hwmon : Entries(device / "hwmon")) {
    for (int sensor = 1; sensor <= kSensors; ++sensor) {
      const auto file = "temp" + std::to_string(sensor) + "_input";
      if (const auto value = ReadNumber(hwmon / file)) return *value / kPerDegree;
    }
  }
  return std::nullopt;
}

}  // namespace

DeviceReading ReadGpuSysfs(const fs::path& root, std::string_view pci_id) {
  DeviceReading reading;
  if (pci_id.empty()) return reading;
  const fs::path device = root / "sys/bus/pci/devices" / pci_id;
  if (const auto percent = ReadNumber(device / "gpu_busy_percent"))
    reading.utilization = std::clamp(*percent / 100, 0.0, 1.0);
  reading.temperature_celsius = Temperature(device);
  return reading;
}

}  // namespace chasqui::worker
