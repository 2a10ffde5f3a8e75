// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace chasqui::worker {

// The file of a LoRA adapter of random weights for the model that ships, written at the first call
// in a process. Another seed is another adapter.
std::string TinyAdapterPath(std::uint64_t seed = 1);

// One for a model of another architecture.
std::string ForeignAdapterPath();

}  // namespace chasqui::worker
