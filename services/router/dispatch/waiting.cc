// SPDX-License-Identifier: Apache-2.0
// What the Dispatcher knows of those who wait: where they stand, and for how long they may wait for
// a worker where there is none.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "services/router/dispatch/dispatcher.h"

namespace chasqui::router {

Dispatcher::Standing Dispatcher::Find(std::string_view tenant, std::string_view request_id,
                                      time::SteadyTime now) const {
  const Whereabouts::Of request = whereabouts_.Find(Whereabouts::KeyOf(tenant, request_id));
  if (request.running > 0) return {.state = Standing::State::kRunning};
  if (request.waiting == nullptr) return {};
  const Ticket& ticket = *request.waiting;
  const ModelQueue& queue = models_.find(ticket.model)->second.queue;
  return {.state = Standing::State::kWaiting,
          .model = ticket.model,
          .before = queue.waiting().Before(ticket),
          .estimate = queue.Estimate(ticket, SlotsOf(ticket.model), now)};
}

std::optional<std::string> Dispatcher::AbsentModel(std::string_view name) const {
  if (name.empty() || catalogue_.Find(name) != nullptr) return std::nullopt;
  if (const auto it = known_names_.find(name); it != known_names_.end()) return it->second.model;
  if (std::ranges::contains(options_.expected_models, name)) return std::string(name);
  return std::nullopt;
}

std::optional<absl::StatusOr<Place>> Dispatcher::WithoutWorker(const Ticket& ticket,
                                                               time::SteadyTime now) const {
  if (ticket.outlasts_workers) return std::nullopt;
  // Where there are workers, but only such as it failed on, none is waited for.
  const bool waits = ticket.slots > 0 && now - ticket.waiting_since < options_.wait_for_worker &&
                     !HasWorker(ticket.model);
  if (waits) return std::nullopt;
  return NoWorker(ticket.model);
}

bool Dispatcher::HasWorker(std::string_view model) const {
  const CatalogueEntry* entry = catalogue_.Find(model);
  if (entry == nullptr) return false;
  return std::ranges::any_of(entry->seats, [](const Seat* seat) { return IsServable(*seat); }) ||
         std::ranges::any_of(entry->loadable_seats,
                             [](const Seat* seat) { return IsLoadable(*seat); });
}

std::uint32_t Dispatcher::SlotsOf(std::string_view model) const {
  const CatalogueEntry* entry = catalogue_.Find(model);
  if (entry == nullptr) return 0;
  std::uint32_t slots = 0;
  for (const Seat* seat : entry->seats) {
    if (!IsServable(*seat) || seat->member.suspect) continue;
    slots += seat->slots - std::min(seat->slots, seat->others);
  }
  return slots;
}

void Dispatcher::RefuseThoseWithoutWorker(time::SteadyTime now) {
  if (options_.wait_for_worker == time::Duration::zero()) return;
  for (auto& [model, state] : models_) {
    if (state.queue.waiting().empty() || HasWorker(model)) continue;
    auto late = state.queue.waiting().TakeThoseSince(now - options_.wait_for_worker);
    for (std::shared_ptr<Ticket>& ticket : late) {
      ticket->outcome = NoWorker(model);
      Decided(std::move(ticket));
    }
  }
}

void Dispatcher::Decided(std::shared_ptr<Ticket> ticket) {
  whereabouts_.WaitsNoMore(*ticket);
  ++revision_;
  decided_.push_back(std::move(ticket));
}

}  // namespace chasqui::router
