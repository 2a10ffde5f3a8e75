// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"

namespace chasqui::worker {

// Where a thread runs, and before whom.
struct ThreadPlacement {
  std::vector<int> processors;  // empty: as the process
  std::optional<int> nice;      // -20 (first) to 19; nothing: as the process

  bool operator==(const ThreadPlacement&) const = default;
};

// Places the calling thread, and with it all threads that it makes from then on: libgomp's team is
// made at the first parallel computation of a thread. FAILED_PRECONDITION with the system's reason
// when it does not allow it, as for a nice value below the process's without CAP_SYS_NICE.
absl::Status PlaceThisThread(const ThreadPlacement& placement);

}  // namespace chasqui::worker
