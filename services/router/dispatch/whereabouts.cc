// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/whereabouts.h"

#include "absl/strings/str_cat.h"

namespace chasqui::router {

void Whereabouts::Waits(const Ticket& ticket) {
  if (ticket.request_id.empty()) return;
  requests_[KeyOf(ticket.tenant, ticket.request_id)].waiting = &ticket;
}

void Whereabouts::WaitsNoMore(const Ticket& ticket) {
  const std::string key = KeyOf(ticket.tenant, ticket.request_id);
  const auto it = requests_.find(key);
  if (it == requests_.end() || it->second.waiting != &ticket) return;
  it->second.waiting = nullptr;
  EraseIfGone(key);
}

void Whereabouts::Runs(std::string_view key) {
  if (!key.empty()) ++requests_[key].running;
}

void Whereabouts::RunsNoMore(std::string_view key) {
  const auto it = requests_.find(key);
  if (it == requests_.end() || it->second.running == 0) return;
  --it->second.running;
  EraseIfGone(key);
}

Whereabouts::Of Whereabouts::Find(std::string_view key) const {
  const auto it = requests_.find(key);
  return it == requests_.end() ? Of() : it->second;
}

std::string Whereabouts::KeyOf(std::string_view tenant, std::string_view request_id) {
  // No id has a space.
  return request_id.empty() ? std::string() : absl::StrCat(request_id, " ", tenant);
}

void Whereabouts::EraseIfGone(std::string_view key) {
  const auto it = requests_.find(key);
  if (it->second.waiting == nullptr && it->second.running == 0) requests_.erase(it);
}

}  // namespace chasqui::router
