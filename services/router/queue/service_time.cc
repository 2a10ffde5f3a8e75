// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/service_time.h"

#include <algorithm>
#include <chrono>

namespace chasqui::router {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kNewest = 0.05;
constexpr std::uint64_t kEnough = 10;
constexpr time::Duration kHoldsFor = std::chrono::minutes(5);
constexpr double kTolerance = 1.25;
// Longer is as good as never, and still a time that clocks can count.
constexpr Seconds kLongest = std::chrono::hours(24 * 365);

time::Duration ToDuration(double seconds) {
  return std::chrono::duration_cast<time::Duration>(std::min(Seconds(seconds), kLongest));
}

}  // namespace

void ServiceTime::Add(time::Duration held, std::uint32_t cost_tokens, time::SteadyTime now) {
  ++count_;
  // At first all count alike, so that the first one is not remembered for long.
  const double weight = std::max(kNewest, 1.0 / static_cast<double>(count_));
  seconds_ += weight * (Seconds(held).count() - seconds_);
  tokens_ += weight * (cost_tokens - tokens_);
  last_ = now;
}

bool ServiceTime::IsMeasured(time::SteadyTime now) const {
  return count_ >= kEnough && now - last_ <= kHoldsFor;
}

std::optional<WaitEstimate> EstimateWait(const ServiceTime& measured, const Work& before,
                                         std::uint32_t cost_tokens, std::uint32_t slots,
                                         time::SteadyTime now) {
  if (slots == 0 || !measured.IsMeasured(now)) return std::nullopt;
  // The first slot comes free after a request's time over the number of slots, on average.
  const double work = static_cast<double>(before.tokens) * measured.seconds_per_token();
  const double start = (measured.seconds() + work) / slots;
  return WaitEstimate{.start = ToDuration(start),
                      .finish = ToDuration(start + cost_tokens * measured.seconds_per_token())};
}

bool ComesTooLate(const WaitEstimate& estimate, time::SteadyTime deadline, time::SteadyTime now) {
  if (deadline == time::SteadyTime::max()) return false;
  return Seconds(estimate.finish) > kTolerance * Seconds(deadline - now);
}

}  // namespace chasqui::router
