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

// Counts slots and reserves KV room, so that what is admitted can run to its end. Owned by the
// engine, outlives its grants. Thread-safe.
class Admission {
 public:
  // Holds a slot and KV room until destroyed.
  class Grant {
   public:
    Grant(Grant&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          kv_tokens_(other.kv_tokens_),
          owner_(std::move(other.owner_)) {}
    Grant& operator=(Grant&&) = delete;
    ~Grant();

   private:
    friend class Admission;
    Grant(Admission* admission, std::uint32_t kv_tokens, std::string owner)
        : admission_(admission), kv_tokens_(kv_tokens), owner_(std::move(owner)) {}

    Admission* admission_;
    std::uint32_t kv_tokens_;
    std::string owner_;
  };

  Admission(std::uint32_t slots, std::uint32_t kv_tokens) : slots_(slots), kv_tokens_(kv_tokens) {}

  // RESOURCE_EXHAUSTED, reason WORKER_FULL.
  absl::StatusOr<Grant> Admit(std::uint32_t kv_tokens, std::string owner);

  // OK when a slot is free.
  absl::Status CheckRoom() const;

  std::uint32_t active() const;
  std::uint32_t active_of(std::string_view owner) const;

 private:
  void Release(const Grant& grant);
  absl::Status CheckSlot() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint32_t slots_;
  const std::uint32_t kv_tokens_;
  mutable absl::Mutex mutex_;
  std::uint32_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint32_t reserved_kv_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  // Who has requests here, and how many.
  absl::flat_hash_map<std::string, std::uint32_t> by_owner_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
