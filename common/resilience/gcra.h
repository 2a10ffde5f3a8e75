// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/time/clock.h"

// The generic cell rate algorithm, in its virtual scheduling form (ITU-T I.371, annex A: how ATM
// networks police cells; redis-cell and redis_rate police requests by it). What a limit needs to
// remember is one instant, `full_at`, at which everything taken so far will have come back.
// Settling, which gives back what was charged too much, is ours. All functions are pure.
namespace chasqui::resilience {

// `units` in each `period`: all of them at once when a period went by unused, and one each
// period / units from then on. Within one period it may thus be up to twice as many.
struct GcraLimit {
  std::uint64_t units = 1;  // at least 1
  time::Duration period{};  // greater than 0

  bool operator==(const GcraLimit&) const = default;
};

// What is remembered of a limit. One that nobody has used for a period is as good as a new one.
struct GcraState {
  time::SteadyTime full_at;
  // All that was ever given back by GcraSettle.
  time::Duration returned{};
};

// The time in which `units` come back: rounded down, so that all units of a period fit into it, but
// at least a tick. At most some decades.
time::Duration GcraCost(const GcraLimit& limit, std::uint64_t units);

// Whether something may be taken. What costs more than the period never may.
struct GcraVerdict {
  bool allowed;
  // The new state when it is taken; to be kept for settling, too.
  GcraState state;
  // How long until it may be taken if nobody takes anything else; zero when it may now.
  time::Duration retry_after;
};

GcraVerdict GcraTake(const GcraLimit& limit, const GcraState& state, time::Duration cost,
                     time::SteadyTime now);

// The new state when something that was charged `charged`, and left the state `then`, turns out to
// cost `actual`. What has come back by itself in the meantime is not given back once more: as long
// as nothing costs more than it was charged, no more is allowed than if each request had been
// charged its real cost at once.
GcraState GcraSettle(const GcraState& state, const GcraState& then, time::Duration charged,
                     time::Duration actual, time::SteadyTime now);

}  // namespace chasqui::resilience
