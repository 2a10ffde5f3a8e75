// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/cache/answer/answer_key.h"
#include "services/cache/flight/flight.h"

namespace chasqui::cache {

// The answers on their way, by their keys, so that whoever asks for one of them joins it: single
// flight. Owned by the CacheServer; outlives its seats. Thread-safe.
class FlightTable {
 public:
  struct Options {
    std::size_t max_answer_bytes;
    // Of all flights.
    std::size_t max_bytes;
    // Of one flight.
    std::size_t max_followers;
  };

  // A place on a flight, for as long as it lives. A leader that goes without having completed the
  // flight leaves it to its followers. Thread-compatible.
  class [[nodiscard]] Seat {
   public:
    enum class Role { kNone, kLeader, kFollower };

    Seat() = default;
    Seat(Seat&& other) noexcept
        : table_(other.table_),
          key_(other.key_),
          flight_(std::move(other.flight_)),
          role_(std::exchange(other.role_, Role::kNone)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat();

    // kNone: there is no place, the caller is to do without.
    Role role() const { return role_; }
    Flight& flight() const { return *flight_; }

    // A follower that was told to lead.
    void Promote();

   private:
    friend class FlightTable;
    Seat(FlightTable& table, const AnswerKey& key, std::shared_ptr<Flight> flight, Role role)
        : table_(&table), key_(key), flight_(std::move(flight)), role_(role) {}

    FlightTable* table_ = nullptr;
    std::optional<AnswerKey> key_;
    std::shared_ptr<Flight> flight_;
    Role role_ = Role::kNone;
  };

  explicit FlightTable(Options options) : options_(options) {}
  FlightTable(const FlightTable&) = delete;
  FlightTable& operator=(const FlightTable&) = delete;

  // Joins the flight of `key` whose stamp is this one, or begins it. `anew`: begins another in any
  // case, which those who come later join.
  Seat Board(const AnswerKey& key, std::uint64_t stamp, bool anew);
  // Only joins; kNone when there is nothing to join.
  Seat Join(const AnswerKey& key, std::uint64_t stamp);

  std::size_t flights() const;
  std::size_t followers() const { return followers_.load(std::memory_order_relaxed); }
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Flights that went to a follower because their leader was gone.
  std::uint64_t promoted() const { return promoted_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::shared_ptr<Flight> flight;
    std::size_t followers = 0;
    bool led = true;
  };

  void Leave(const AnswerKey& key, const std::shared_ptr<Flight>& flight, Seat::Role role);
  Seat JoinLocked(const AnswerKey& key, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> followers_ = 0;
  std::atomic<std::uint64_t> promoted_ = 0;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<AnswerKey, Entry> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
