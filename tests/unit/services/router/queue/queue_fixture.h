// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/time/clock.h"
#include "services/router/queue/wait_queue.h"

// Shorthand for tickets and queues. Useful for tests of who goes first.
namespace chasqui::router {

inline constexpr time::SteadyTime kStart{std::chrono::hours(1)};

struct TicketOf {
  std::uint64_t arrival = 0;
  std::string tenant = {};
  std::uint32_t cost = 1;
  Priority priority = Priority::kNormal;
  time::SteadyTime since = kStart;
  bool returned = false;
};

inline std::shared_ptr<Ticket> MakeTicket(TicketOf of) {
  auto ticket = std::make_shared<Ticket>();
  ticket->model = "tiny";
  ticket->arrival = of.arrival;
  ticket->tenant = std::move(of.tenant);
  ticket->cost_tokens = of.cost;
  ticket->priority = of.priority;
  ticket->waiting_since = of.since;
  ticket->refusable = !of.returned;
  return ticket;
}

// Serves at most `most`; their arrivals in the queue's order.
inline std::vector<std::uint64_t> Take(WaitQueue& queue, std::size_t most,
                                       time::SteadyTime now = kStart) {
  std::vector<std::uint64_t> taken;
  queue.Serve(
      now,
      [&](Ticket&) {
        return taken.size() < most ? WaitQueue::Verdict::kTake : WaitQueue::Verdict::kKeepAll;
      },
      [&](std::shared_ptr<Ticket> ticket) { taken.push_back(ticket->arrival); });
  return taken;
}

}  // namespace chasqui::router
