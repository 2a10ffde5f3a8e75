// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "services/router/queue/completion_rate.h"
#include "services/router/queue/service_time.h"
#include "services/router/queue/wait_queue.h"

namespace chasqui::router {

// The queue of one model: who may wait, in which order, and how long it will take by what has been
// measured. Knows no clock and no worker. Owned by the Dispatcher and guarded like it.
class ModelQueue {
 public:
  struct Options {
    WaitQueue::Bounds bounds;
    // When those refused are told to come back, at the least.
    std::chrono::milliseconds retry_delay;
    WaitQueue::Options order;
  };

  // Requests that were turned away since the start.
  struct Refused {
    std::uint64_t full = 0;
    std::uint64_t displaced = 0;
    std::uint64_t too_late = 0;

    std::uint64_t all() const { return full + displaced + too_late; }
  };

  explicit ModelQueue(const Options& options) : options_(options), waiting_(options.order) {}

  // Lets the ticket wait from `now` on, or says why not. Others that must make room for it are put
  // into `displaced` with their outcomes. `slots` are those that serve this router's requests for
  // the model. One that is not refusable always may wait.
  //   RESOURCE_EXHAUSTED  QUEUE_FULL, DEADLINE_TOO_CLOSE
  absl::Status Add(std::shared_ptr<Ticket> ticket, std::uint32_t slots, time::SteadyTime now,
                   std::vector<std::shared_ptr<Ticket>>& displaced);

  // A request left its slot.
  void Completed(time::Duration held, std::uint32_t cost_tokens, time::SteadyTime now);

  // For one that waits; nothing where rates are not measured.
  std::optional<WaitEstimate> Estimate(const Ticket& waiting, std::uint32_t slots,
                                       time::SteadyTime now) const;
  // When a request refused now should come back.
  std::chrono::milliseconds RetryDelay(time::SteadyTime now) const;

  WaitQueue& waiting() { return waiting_; }
  const WaitQueue& waiting() const { return waiting_; }
  const Refused& refused() const { return refused_; }

 private:
  absl::Status CheckDeadline(const Ticket& ticket, std::uint32_t slots, time::SteadyTime now) const;

  const Options options_;
  WaitQueue waiting_;
  CompletionRate completions_;
  ServiceTime service_time_;
  Refused refused_;
};

}  // namespace chasqui::router
