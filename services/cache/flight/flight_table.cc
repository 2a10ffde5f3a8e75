// SPDX-License-Identifier: Apache-2.0
#include "services/cache/flight/flight_table.h"

namespace chasqui::cache {

FlightTable::Seat::~Seat() {
  if (role_ != Role::kNone) table_->Leave(*key_, flight_, role_);
}

void FlightTable::Seat::Promote() {
  role_ = Role::kLeader;
  table_->followers_.fetch_sub(1, std::memory_order_relaxed);
  table_->promoted_.fetch_add(1, std::memory_order_relaxed);
  absl::MutexLock lock(table_->mutex_);
  const auto it = table_->flights_.find(*key_);
  if (it == table_->flights_.end() || it->second.flight != flight_) return;
  --it->second.followers;
  it->second.led = true;
}

FlightTable::Seat FlightTable::Board(const AnswerKey& key, std::uint64_t stamp, bool anew) {
  absl::MutexLock lock(mutex_);
  if (bytes_.load(std::memory_order_relaxed) >= options_.max_bytes) return {};
  const auto it = flights_.find(key);
  // One that was begun before an invalidation is only for those who were there before.
  if (it != flights_.end() && !anew && it->second.flight->stamp() == stamp) {
    return JoinLocked(key, it->second);
  }
  auto flight =
      std::make_shared<Flight>(stamp, options_.max_answer_bytes, options_.max_bytes, bytes_);
  flights_[key] = Entry{.flight = flight};
  return Seat(*this, key, std::move(flight), Seat::Role::kLeader);
}

FlightTable::Seat FlightTable::Join(const AnswerKey& key, std::uint64_t stamp) {
  absl::MutexLock lock(mutex_);
  const auto it = flights_.find(key);
  if (it == flights_.end() || it->second.flight->stamp() != stamp) return {};
  return JoinLocked(key, it->second);
}

FlightTable::Seat FlightTable::JoinLocked(const AnswerKey& key, Entry& entry) {
  if (entry.followers >= options_.max_followers) return {};
  ++entry.followers;
  followers_.fetch_add(1, std::memory_order_relaxed);
  return Seat(*this, key, entry.flight, Seat::Role::kFollower);
}

void FlightTable::Leave(const AnswerKey& key, const std::shared_ptr<Flight>& flight,
                        Seat::Role role) {
  if (role == Seat::Role::kFollower) followers_.fetch_sub(1, std::memory_order_relaxed);
  {
    absl::MutexLock lock(mutex_);
    const auto it = flights_.find(key);
    if (it != flights_.end() && it->second.flight == flight) {
      Entry& entry = it->second;
      if (role == Seat::Role::kLeader) {
        entry.led = false;
      } else {
        --entry.followers;
      }
      // Whoever comes later would find a flight that nobody can take to its end, or one whose
      // answer is in the tiers by now.
      if (!entry.led && (entry.followers == 0 || flight->over())) flights_.erase(it);
    }
  }
  if (role == Seat::Role::kLeader) flight->Leave();
}

std::size_t FlightTable::flights() const {
  absl::MutexLock lock(mutex_);
  return flights_.size();
}

}  // namespace chasqui::cache
