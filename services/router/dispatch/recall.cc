// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/recall.h"

namespace chasqui::router {

std::optional<Recall> WhyLeave(const Member& member, const Seat& seat, time::SteadyTime now,
                               time::Duration still_after) {
  if (!member.connected()) return Recall::kGone;
  const bool draining =
      member.drain_requested || member.load.state() == fleet::v1::WORKER_STATE_DRAINING;
  if (draining) return Recall::kDraining;
  const bool still = now - seat.last_progress >= still_after;
  return still ? std::optional(Recall::kStill) : std::nullopt;
}

}  // namespace chasqui::router
