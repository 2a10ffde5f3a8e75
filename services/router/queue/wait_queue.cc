// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/wait_queue.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"

namespace chasqui::router {

void WaitQueue::Add(std::shared_ptr<Ticket> ticket) {
  const std::uint64_t arrival = ticket->arrival;
  CHECK(waiting_.emplace(arrival, std::move(ticket)).second) << "two with the same number";
}

bool WaitQueue::Remove(const Ticket& ticket) { return waiting_.erase(ticket.arrival) > 0; }

void WaitQueue::Serve(absl::FunctionRef<Verdict(Ticket&)> judge,
                      absl::FunctionRef<void(std::shared_ptr<Ticket>)> taken) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    switch (judge(*it->second)) {
      case Verdict::kKeep:
        ++it;
        break;
      case Verdict::kTake: {
        std::shared_ptr<Ticket> ticket = std::move(it->second);
        it = waiting_.erase(it);
        taken(std::move(ticket));
        break;
      }
      case Verdict::kKeepAll:
        return;
    }
  }
}

time::Duration WaitQueue::OldestWait(time::SteadyTime now) const {
  time::Duration oldest{};
  // Those that came back from an attempt wait anew, so the first need not be the one.
  for (const auto& [arrival, ticket] : waiting_) {
    oldest = std::max(oldest, now - ticket->waiting_since);
  }
  return oldest;
}

}  // namespace chasqui::router
