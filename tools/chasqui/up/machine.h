// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

// What `up` asks the machine.
namespace chasqui::cli {

// Physical cores this process may use; at least 1. Hyper-threads of one core count once.
uint32_t PhysicalCores();

// Different ports of 127.0.0.1 that nobody listens on at this moment.
absl::StatusOr<std::vector<uint16_t>> FreePorts(std::size_t count);

}  // namespace chasqui::cli
