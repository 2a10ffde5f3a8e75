// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace chasqui::worker {

// MemAvailable of /proc/meminfo, in bytes; nothing when it is not there. Pure.
std::optional<std::uint64_t> ParseMemAvailable(std::string_view meminfo);

// Memory this process can still take, in bytes: what the machine has available, and what the
// control groups it is in (version 2, else 1) leave below their limits. `root` is where /proc and
// /sys are found. Nothing when neither can be read. Thread-safe.
std::optional<std::uint64_t> AvailableMemory(const std::filesystem::path& root = "/");

}  // namespace chasqui::worker
