// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/model_queue.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "services/router/queue/refusals.h"

namespace chasqui::router {

absl::Status ModelQueue::Add(std::shared_ptr<Ticket> ticket, std::uint32_t slots,
                             time::SteadyTime now,
                             std::vector<std::shared_ptr<Ticket>>& displaced) {
  if (ticket->refusable) {
    if (absl::Status late = CheckDeadline(*ticket, slots, now); !late.ok()) {
      ++refused_.too_late;
      return late;
    }
    const std::size_t before = displaced.size();
    if (!waiting_.MakeRoom(*ticket, options_.bounds, now, displaced)) {
      ++refused_.full;
      return QueueFull(ticket->model, {.requests = waiting_.size(), .tokens = waiting_.tokens()},
                       RetryDelay(now));
    }
    for (std::size_t i = before; i < displaced.size(); ++i) {
      displaced[i]->outcome = Displaced(ticket->model, RetryDelay(now));
      ++refused_.displaced;
    }
  }
  ticket->waiting_since = now;
  waiting_.Add(std::move(ticket));
  return absl::OkStatus();
}

void ModelQueue::Completed(time::Duration held, std::uint32_t cost_tokens, time::SteadyTime now) {
  completions_.Add(now);
  service_time_.Add(held, cost_tokens, now);
}

std::optional<WaitEstimate> ModelQueue::Estimate(const Ticket& waiting, std::uint32_t slots,
                                                 time::SteadyTime now) const {
  return EstimateWait(service_time_, waiting_.Before(waiting), waiting.cost_tokens, slots, now);
}

std::chrono::milliseconds ModelQueue::RetryDelay(time::SteadyTime now) const {
  return EstimateRetryDelay(waiting_.size(), completions_.PerSecond(now), options_.retry_delay);
}

absl::Status ModelQueue::CheckDeadline(const Ticket& ticket, std::uint32_t slots,
                                       time::SteadyTime now) const {
  if (ticket.deadline == time::SteadyTime::max()) return absl::OkStatus();
  const auto estimate = [&](const Work& before) {
    return EstimateWait(service_time_, before, ticket.cost_tokens, slots, now);
  };
  // What is before it at the most is known at once; to know it better takes a look at all tenants.
  const std::optional<WaitEstimate> worst =
      estimate({.requests = waiting_.size(), .tokens = waiting_.tokens()});
  if (!worst.has_value() || !ComesTooLate(*worst, ticket.deadline, now)) return absl::OkStatus();
  const WaitEstimate likely = *estimate(waiting_.BeforeNewcomer(ticket));
  if (!ComesTooLate(likely, ticket.deadline, now)) return absl::OkStatus();
  return DeadlineTooClose(
      ticket.model, likely, ticket.deadline - now,
      std::max(RetryDelay(now), std::chrono::ceil<std::chrono::milliseconds>(likely.start)));
}

}  // namespace chasqui::router
