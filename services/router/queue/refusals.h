// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "services/router/queue/service_time.h"

namespace chasqui::router {

// What a queue tells those it does not take or keep. All are RESOURCE_EXHAUSTED: it has too much to
// do, and whoever comes back later may find less. Pure.

absl::Status QueueFull(std::string_view model, const Work& waiting,
                       std::chrono::milliseconds retry_delay);
absl::Status Displaced(std::string_view model, std::chrono::milliseconds retry_delay);
// Not DEADLINE_EXCEEDED, which the client's own library says: the deadline has not passed. The
// estimate and the time left are in the ErrorInfo's metadata, in milliseconds.
absl::Status DeadlineTooClose(std::string_view model, const WaitEstimate& estimate,
                              time::Duration left, std::chrono::milliseconds retry_delay);

}  // namespace chasqui::router
