// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/host_cache.h"

#include <utility>

namespace chasqui::worker {

void HostCache::Put(Entry entry) {
  const std::uint64_t size = SizeOf(entry);
  while (!entries_.empty() && bytes_ + size > max_bytes_) {
    const std::uint32_t name = entries_.back().name;
    Erase(name);
    on_evict_(name);
  }
  bytes_ += size;
  entries_.push_front(std::move(entry));
  by_name_[entries_.front().name] = entries_.begin();
}

void HostCache::Erase(std::uint32_t name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  bytes_ -= SizeOf(*found->second);
  entries_.erase(found->second);
  by_name_.erase(found);
}

const HostCache::Entry* HostCache::Find(std::uint32_t name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

const HostCache::Entry* HostCache::Use(std::uint32_t name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

}  // namespace chasqui::worker
