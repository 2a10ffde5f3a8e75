// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace chasqui::worker {

// Counts slots. KV room is not reserved: what is admitted can run to its end, for the engine makes
// room, and a request that fits the context fits alone. Owned by the engine, outlives its grants.
// Thread-safe.
class Admission {
 public:
  // Holds slots until destroyed.
  class Grant {
   public:
    Grant(Grant&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          slots_(other.slots_),
          owner_(std::move(other.owner_)) {}
    Grant& operator=(Grant&&) = delete;
    ~Grant();

   private:
    friend class Admission;
    Grant(Admission* admission, std::uint32_t slots, std::string owner)
        : admission_(admission), slots_(slots), owner_(std::move(owner)) {}

    Admission* admission_;
    std::uint32_t slots_;
    std::string owner_;
  };

  explicit Admission(std::uint32_t slots) : slots_(slots) {}

  // RESOURCE_EXHAUSTED, reason WORKER_FULL.
  absl::StatusOr<Grant> Admit(std::uint32_t slots, std::string owner);

  // OK when a slot is free.
  absl::Status CheckRoom() const;

  std::uint32_t active() const;
  std::uint32_t active_of(std::string_view owner) const;

 private:
  void Release(const Grant& grant);
  absl::Status CheckSlots(std::uint32_t wanted) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint32_t slots_;
  mutable absl::Mutex mutex_;
  std::uint32_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  // Who has slots here, and how many.
  absl::flat_hash_map<std::string, std::uint32_t> by_owner_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
