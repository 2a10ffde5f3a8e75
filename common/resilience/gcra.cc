// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/gcra.h"

#include <algorithm>

namespace chasqui::resilience {

time::Duration GcraCost(const GcraLimit& limit, std::uint64_t units) {
  if (units == 0) return time::Duration::zero();
  // A product of 64 bits would overflow: an hour is 3.6e12 ns.
  const auto scaled = static_cast<unsigned __int128>(units) *
                      static_cast<unsigned __int128>(limit.period.count()) / limit.units;
  const auto most = static_cast<unsigned __int128>(time::Duration::max().count() / 8);
  return std::max(time::Duration(static_cast<time::Duration::rep>(std::min(scaled, most))),
                  time::Duration(1));
}

GcraVerdict GcraTake(const GcraLimit& limit, const GcraState& state, time::Duration cost,
                     time::SteadyTime now) {
  const time::SteadyTime then = std::max(state.full_at, now) + cost;
  const time::Duration over = then - now - limit.period;
  // What costs nothing may always be taken, also while more was used than there is.
  const bool allowed = over <= time::Duration::zero() || cost == time::Duration::zero();
  return {.allowed = allowed,
          .state = {.full_at = then, .returned = state.returned},
          .retry_after = allowed ? time::Duration::zero() : over};
}

// Charges come back one after the other, each in its own stretch of time before its `full_at`; what
// is given back of one moves all later ones forward. So the end of a charge's stretch is its
// `full_at` less what has been given back since, and what lies ahead of that end has not come back
// yet. (What was given back of later charges is subtracted too, which errs on the safe side.)
GcraState GcraSettle(const GcraState& state, const GcraState& then, time::Duration charged,
                     time::Duration actual, time::SteadyTime now) {
  if (actual >= charged) {
    return {.full_at = std::max(state.full_at, now) + (actual - charged),
            .returned = state.returned};
  }
  const time::SteadyTime end = then.full_at - (state.returned - then.returned);
  const time::Duration ahead = std::max(end - now, time::Duration::zero());
  const time::Duration back = std::min(charged - actual, ahead);
  return {.full_at = state.full_at - back, .returned = state.returned + back};
}

}  // namespace chasqui::resilience
