// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace chasqui::worker {

// How many physical cores the logical processors `cpus` belong to, as /sys under `root` tells; as
// many as there are processors where it does not.
std::uint32_t CountCores(std::span<const int> cpus, const std::filesystem::path& root = "/");

// The physical cores this process may use: its affinity, and what its control groups' quota lets it
// use at a time, rounded down. At least 1.
std::uint32_t AvailableCores();

}  // namespace chasqui::worker
