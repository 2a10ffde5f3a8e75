// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace chasqui::worker {

// How many physical cores the logical processors `cpus` belong to, as /sys under `root` tells; as
// many as there are processors where it does not.
std::uint32_t CountCores(std::span<const int> cpus, const std::filesystem::path& root = "/");

// The physical cores of `processors`, or of those that this process may use where there are none,
// as far as its control groups' quota lets it use them at a time, rounded down. At least 1.
std::uint32_t AvailableCores(std::span<const int> processors = {});

}  // namespace chasqui::worker
