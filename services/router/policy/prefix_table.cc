// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/prefix_table.h"

#include <algorithm>

namespace chasqui::router {

PrefixTable::PrefixTable(std::size_t entries)
    : sets_(std::max<std::size_t>((entries + kWays - 1) / kWays, 1)) {}

PrefixTable::Holders PrefixTable::Find(std::uint64_t hash) const {
  Holders holders;
  for (const Entry& entry : sets_[SetOf(hash)]) {
    if (entry.used != 0 && entry.hash == hash) holders.push_back(entry.worker);
  }
  return holders;
}

void PrefixTable::Add(std::uint64_t hash, std::uint64_t worker) {
  Set& set = sets_[SetOf(hash)];
  Entry* oldest = &set.front();
  Entry* oldest_holder = nullptr;
  std::size_t holders = 0;
  ++adds_;
  for (Entry& entry : set) {
    if (entry.used < oldest->used) oldest = &entry;
    if (entry.used == 0 || entry.hash != hash) continue;
    if (entry.worker == worker) {
      entry.used = adds_;
      return;
    }
    ++holders;
    if (oldest_holder == nullptr || entry.used < oldest_holder->used) oldest_holder = &entry;
  }
  Entry& taken = holders == kMaxHolders ? *oldest_holder : *oldest;
  if (taken.used == 0) ++size_;
  taken = {.hash = hash, .worker = worker, .used = adds_};
}

std::size_t PrefixTable::SetOf(std::uint64_t hash) const { return hash % sets_.size(); }

}  // namespace chasqui::router
