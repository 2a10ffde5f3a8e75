// SPDX-License-Identifier: Apache-2.0
#include "services/cache/warming/top_asked.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace chasqui::cache {

void TopAsked::Turn(time::SteadyTime now) {
  if (!begun_) {
    begun_ = true;
    ends_ = now + period_;
  }
  if (now < ends_) return;
  // One that nobody asked anything in leaves nothing.
  last_ = now < ends_ + period_ ? std::exchange(running_, {}) : std::vector<Entry>();
  running_.clear();
  places_.clear();
  ends_ = now + period_;
}

void TopAsked::Record(const AnswerKey& key, std::string_view model, time::SteadyTime now) {
  absl::MutexLock lock(mutex_);
  Turn(now);
  if (const auto it = places_.find(key); it != places_.end()) {
    ++running_[it->second].asked;
    return;
  }
  if (running_.size() < counters_) {
    places_[key] = running_.size();
    running_.push_back({.key = key, .model = std::string(model), .asked = 1, .error = 0});
    return;
  }
  const auto least = std::ranges::min_element(running_, {}, &Entry::asked);
  places_.erase(least->key);
  places_[key] = static_cast<std::size_t>(least - running_.begin());
  *least = {
      .key = key, .model = std::string(model), .asked = least->asked + 1, .error = least->asked};
}

std::vector<TopAsked::Entry> TopAsked::Top(std::size_t count, time::SteadyTime now) {
  absl::MutexLock lock(mutex_);
  Turn(now);
  std::vector<Entry> top = last_.empty() ? running_ : last_;
  std::ranges::sort(top, std::greater<>(), &Entry::asked);
  if (top.size() > count) top.erase(top.begin() + static_cast<std::ptrdiff_t>(count), top.end());
  return top;
}

}  // namespace chasqui::cache
