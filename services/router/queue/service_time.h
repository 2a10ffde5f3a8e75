// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "common/time/clock.h"
#include "services/router/queue/deficit_round_robin.h"

namespace chasqui::router {

// How long requests of a model hold a slot, and how many estimated tokens they cost: moving
// averages over the last twenty or so that ended, however they ended, for that is how slots come
// free. So it is known at any load, and holds when workers come and go. Reads no clock.
// Thread-compatible.
class ServiceTime {
 public:
  // A request of `cost_tokens` held a slot for so long.
  void Add(time::Duration held, std::uint32_t cost_tokens, time::SteadyTime now);

  // Whether there were ten lately.
  bool IsMeasured(time::SteadyTime now) const;
  // For one request on average, and for one token of its cost.
  double seconds() const { return seconds_; }
  double seconds_per_token() const { return tokens_ > 0 ? seconds_ / tokens_ : 0; }

 private:
  std::uint64_t count_ = 0;
  double seconds_ = 0;
  double tokens_ = 0;
  time::SteadyTime last_;
};

// When a request that waits will be served.
struct WaitEstimate {
  time::Duration start;   // until it has a slot
  time::Duration finish;  // until it is answered
};

// For a request of `cost_tokens` behind so much work, on workers with so many slots for this
// router's requests, all of them busy. Nothing when that has not been measured or there is no slot.
std::optional<WaitEstimate> EstimateWait(const ServiceTime& measured, const Work& before,
                                         std::uint32_t cost_tokens, std::uint32_t slots,
                                         time::SteadyTime now);

// Whether it is as good as certain that it comes too late for the deadline. Estimates err: it must
// be late by more than a quarter of the time that is left.
bool ComesTooLate(const WaitEstimate& estimate, time::SteadyTime deadline, time::SteadyTime now);

}  // namespace chasqui::router
