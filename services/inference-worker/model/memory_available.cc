// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/memory_available.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::uint64_t> ReadNumber(const fs::path& path) {
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(ReadFile(path), &number)) return std::nullopt;  // "max" is no number
  return number;
}

// The value of "key value" in a file of such lines.
std::uint64_t Field(const std::string& text, std::string_view key) {
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    std::uint64_t value = 0;
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return 0;
}

// What one group leaves. Its usage counts the page cache, which is given up when memory is wanted.
std::optional<std::uint64_t> LeftIn(const fs::path& group, const char* limit_file,
                                    const char* usage_file, const char* cache_field) {
  const auto limit = ReadNumber(group / limit_file);
  const auto usage = ReadNumber(group / usage_file);
  if (!limit || !usage) return std::nullopt;
  const std::uint64_t cache = Field(ReadFile(group / "memory.stat"), cache_field);
  const std::uint64_t used = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, used);
}

void Lower(std::optional<std::uint64_t>& least, std::optional<std::uint64_t> value) {
  if (value && (!least || *value < *least)) least = value;
}

// The path of this process's group, from "0::/path" or "7:memory:/path".
fs::path GroupPath(const std::string& cgroups, std::string_view controller) {
  for (const std::string_view line : absl::StrSplit(cgroups, '\n')) {
    const std::vector<std::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() == 3 && parts[1] == controller) return fs::path(parts[2]).relative_path();
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> ParseMemAvailable(std::string_view meminfo) {
  for (std::string_view line : absl::StrSplit(meminfo, '\n')) {
    if (!absl::ConsumePrefix(&line, "MemAvailable:")) continue;
    absl::ConsumeSuffix(&line, "kB");
    std::uint64_t kilobytes = 0;
    if (absl::SimpleAtoi(line, &kilobytes)) return kilobytes * 1024;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> AvailableMemory(const fs::path& root) {
  std::optional<std::uint64_t> available = ParseMemAvailable(ReadFile(root / "proc/meminfo"));
  const std::string cgroups = ReadFile(root / "proc/self/cgroup");
  // A limit holds for everything below: look at the group and at all it is in. Inside a container
  // the path may be the host's, and only the top is there.
  const auto look = [&](const fs::path& top, fs::path group, auto... names) {
    for (;; group = group.parent_path()) {
      Lower(available, LeftIn(top / group, names...));
      if (group.empty()) break;
    }
  };
  look(root / "sys/fs/cgroup", GroupPath(cgroups, ""), "memory.max", "memory.current",
       "inactive_file");
  look(root / "sys/fs/cgroup/memory", GroupPath(cgroups, "memory"), "memory.limit_in_bytes",
       "memory.usage_in_bytes", "total_inactive_file");
  return available;
}

}  // namespace chasqui::worker
