// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/processors/thread_placement.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <sched.h>
#include <sys/resource.h>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/processors/processor_list.h"

namespace chasqui::worker {
namespace {

absl::Status Refused(std::string_view what) {
  return status::Error(absl::StatusCode::kFailedPrecondition, "THREAD_PLACEMENT",
                       absl::StrCat("the system refuses ", what, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status PlaceThisThread(const ThreadPlacement& placement) {
  if (!placement.processors.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int processor : placement.processors) CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
      return Refused(absl::StrCat("processors ", FormatProcessors(placement.processors)));
  }
  // On Linux a nice value belongs to a thread, not to the process, and 0 is the calling one.
  if (placement.nice && setpriority(PRIO_PROCESS, 0, *placement.nice) != 0)
    return Refused(absl::StrCat("a nice value of ", *placement.nice));
  return absl::OkStatus();
}

}  // namespace chasqui::worker
