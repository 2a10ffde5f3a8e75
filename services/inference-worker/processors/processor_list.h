// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chasqui::worker {

// The logical processors of a list such as "0-3,8", as /sys and taskset write them: sorted, each
// once. INVALID_ARGUMENT says what is no processor (0 to 1023) or no range of them. Pure.
absl::StatusOr<std::vector<int>> ParseProcessors(std::string_view text);

// The same as a list: the shortest, "0-3,8". `processors` must be sorted. Pure.
std::string FormatProcessors(std::span<const int> processors);

// Those of the list, each of which must be one of `allowed`. INVALID_ARGUMENT names those that are
// not, and those that are allowed. Pure.
absl::StatusOr<std::vector<int>> ChooseProcessors(std::string_view text,
                                                  std::span<const int> allowed);

// Those that the calling thread may run on: its affinity, within what its container has. Sorted.
std::vector<int> AllowedProcessors();

}  // namespace chasqui::worker
