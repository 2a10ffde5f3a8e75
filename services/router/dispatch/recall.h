// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/time/clock.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

// Why a stream should leave the worker it runs on.
enum class Recall {
  kDraining,  // the worker is to end, and goes on meanwhile: there is time to find another
  kGone,      // its reports have ended; its calls may go on all the same, where only they failed
  kStill,     // it reports requests running there and has computed nothing for a while
};

// Whether and why, by what is known of the worker and of the model there. `still_after`: how long
// the worker may compute nothing while it has requests.
std::optional<Recall> WhyLeave(const Member& member, const Seat& seat, time::SteadyTime now,
                               time::Duration still_after);

}  // namespace chasqui::router
