// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/catalogue.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace chasqui::router {
namespace {

std::vector<Member*> ByJoinOrder(const Catalogue::Members& members) {
  std::vector<Member*> ordered;
  ordered.reserve(members.size());
  for (const auto& [id, member] : members) ordered.push_back(member.get());
  std::ranges::sort(ordered, {}, &Member::order);
  return ordered;
}

// Keeps the places of one fingerprint: the most frequent one, of equals the one seen first.
void SettleFingerprint(CatalogueEntry& entry) {
  std::map<std::string_view, std::size_t> votes;
  for (const Seat* seat : entry.seats) ++votes[seat->fingerprint];
  std::size_t most = 0;
  for (const Seat* seat : entry.seats) {
    if (votes[seat->fingerprint] <= most) continue;
    most = votes[seat->fingerprint];
    entry.fingerprint = seat->fingerprint;
  }
  std::erase_if(entry.seats, [&](Seat* seat) {
    if (seat->fingerprint == entry.fingerprint) return false;
    entry.other_seats.push_back(seat);
    return true;
  });
}

}  // namespace

Catalogue::Catalogue(const Members& members) {
  const std::vector<Member*> ordered = ByJoinOrder(members);
  for (Member* member : ordered) {
    for (const inference::v1::Model& model : member->models) {
      CatalogueEntry& entry = entries_[model.name()];
      entry.name = model.name();
      Seat& seat = member->seats.at(model.name());
      if (seat.ready) entry.seats.push_back(&seat);
      if (seat.loadable) entry.loadable_seats.push_back(&seat);
    }
  }
  for (auto& [name, entry] : entries_) SettleFingerprint(entry);
  for (const Member* member : ordered) {
    for (const inference::v1::Model& model : member->models) {
      CatalogueEntry& entry = entries_[model.name()];
      if (entry.description.name().empty() ||
          (entry.description.fingerprint() != entry.fingerprint &&
           model.fingerprint() == entry.fingerprint)) {
        entry.description = model;
      }
    }
  }
  for (const auto& [name, entry] : entries_) {
    for (const std::string& alias : entry.description.aliases()) aliases_.try_emplace(alias, name);
  }
}

const CatalogueEntry* Catalogue::Find(std::string_view name_or_alias) const {
  if (const auto it = entries_.find(name_or_alias); it != entries_.end()) return &it->second;
  const auto alias = aliases_.find(name_or_alias);
  return alias == aliases_.end() ? nullptr : &entries_.at(alias->second);
}

inference::v1::Model DescribeModel(const CatalogueEntry& entry) {
  inference::v1::Model model = entry.description;
  model.set_workers(static_cast<std::uint32_t>(entry.seats.size()));
  std::uint32_t slots = 0;
  bool servable = false;
  for (const Seat* seat : entry.seats) {
    if (!IsServable(*seat)) continue;
    servable = true;
    slots += seat->slots;
  }
  model.set_slots(slots);
  if (servable) {
    model.set_state(inference::v1::MODEL_STATE_READY);
  } else if (!entry.seats.empty()) {
    // In memory, on workers that take no requests.
    model.set_state(inference::v1::MODEL_STATE_DRAINING);
  }
  return model;
}

}  // namespace chasqui::router
