// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "common/resilience/retry_budget.h"
#include "services/router/dispatch/dispatcher.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

class SharedFleet;

// A request's place on a worker, given back when it ends or is destroyed. Must not outlive the
// fleet. Thread-compatible.
class [[nodiscard]] Lease {
 public:
  Lease(SharedFleet& fleet, Place place) : fleet_(&fleet), place_(std::move(place)) {}
  Lease(Lease&& other) noexcept
      : fleet_(std::exchange(other.fleet_, nullptr)),
        place_(std::move(other.place_)),
        retry_(std::move(other.retry_)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() { End(Ending::kDone); }

  const Place& place() const { return place_; }

  // What the attempt takes of the retry budget, given back when the worker begins to answer.
  void Hold(std::optional<resilience::RetryBudget::Guard> retry) { retry_ = std::move(retry); }

  // The worker began to answer.
  void Took();
  // The request ended so. Only the first call counts.
  void End(Ending ending);

 private:
  SharedFleet* fleet_;  // null once it ended
  Place place_;
  std::optional<resilience::RetryBudget::Guard> retry_;
};

}  // namespace chasqui::router
