// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cache/answer/answer.h"

namespace chasqui::cache {

// What a tier has done and holds. Counts are since the start; a field that a tier cannot tell is 0.
struct TierCounts {
  std::uint64_t entries = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t max_bytes = 0;
  std::uint64_t stores = 0;
  std::uint64_t evicted_for_room = 0;
  std::uint64_t expired = 0;
  std::uint64_t damaged = 0;
  std::uint64_t errors = 0;
};

// A place below memory where answers are remembered: Redis, or the disk. It does not know whether
// what it holds is still valid; it does know when it expires, and tells nothing that has. Nothing
// in it blocks who calls. Owned by the CacheServer, and outlives whatever it was asked.
// Thread-safe.
class Tier {
 public:
  // The answer; NOT_FOUND when there is none, or only one that is expired or damaged; UNAVAILABLE
  // and others when the tier could not be asked, or not in time.
  using Found = absl::AnyInvocable<void(absl::StatusOr<AnswerPtr>)>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Tier() = default;

  // Whether it is worth asking: not while it is left alone because it failed.
  virtual bool available() const = 0;

  // Calls `found` once, on any thread, perhaps before it returns.
  virtual void Get(const AnswerKey& key, Found found) = 0;

  // Remembers `answer` until it expires or the tier's longest time is over, in place of what was
  // there; calls `done` once it is acknowledged, that is, once it survives what the tier survives.
  virtual void Put(AnswerPtr answer, Done done) = 0;

  // Frees the room of what is no longer valid. Best effort.
  virtual void Remove(const AnswerKey& key) = 0;

  virtual TierCounts counts() const = 0;
};

}  // namespace chasqui::cache
