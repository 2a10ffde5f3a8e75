// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer.h"

namespace chasqui::cache {

// Events are shared by all who send them.
using EventPtr = std::shared_ptr<const std::string>;

// One answer on its way: its events from the first, who makes them, and who waits for them. First
// it is looked for in the tiers; if it is there, it is complete at once. If not, somebody leads:
// makes it. Whoever leads may be lost; then the first of the followers that has had all events so
// far leads. Owned by those who lead and follow, found through the FlightTable. Thread-safe; who
// waits is woken on its own loop.
class Flight {
 public:
  // What a follower finds next.
  struct Next {
    enum class Kind {
      kEvents,  // `events`
      kEnd,     // there are no more: the answer is complete
      kLead,    // it leads from now on
      kLost,    // nobody leads, and it may not
      kFailed,  // the request cannot be answered: `failure`
      kTooLong  // the answer is longer than is shared
    };
    Kind kind;
    std::vector<EventPtr> events;
    absl::Status failure;
  };

  // What the answer took to make, known when it is complete.
  struct Cost {
    std::uint32_t prompt_tokens = 0;
    std::uint32_t completion_tokens = 0;
    time::Duration time{};
  };

  // Who waits, and where; owned by the waiting coroutine.
  struct Waiting {
    explicit Waiting(rpc::Loop& its_loop) : loop(its_loop) {}
    // Thread-safe.
    static void Wake(std::shared_ptr<Waiting> waiting);

    rpc::Loop& loop;
    rpc::OneShot<bool> woken;
  };

  // `total_bytes` counts the bytes of all flights, and outlives them.
  Flight(std::uint64_t stamp, std::size_t max_bytes, std::size_t max_total_bytes,
         std::atomic<std::size_t>& total_bytes)
      : stamp_(stamp),
        max_bytes_(max_bytes),
        max_total_bytes_(max_total_bytes),
        total_bytes_(total_bytes) {}
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  ~Flight();

  // What the answer is stamped with.
  std::uint64_t stamp() const { return stamp_; }

  // --- For who leads ---

  // It was not found: it is being made.
  void BeginToMake();
  // It was found, in this tier.
  void Found(const StoredAnswer& answer, v1::Tier tier);
  // The next events. RESOURCE_EXHAUSTED when it has become too long to be shared: followers are
  // told so, and it is nobody's any more.
  absl::Status Append(std::vector<std::string> events);
  // All events are there.
  void Complete(const Cost& cost);
  void Fail(absl::Status failure);
  // Who leads is gone.
  void Leave();

  // --- For who follows, each with a position of its own ---

  // Where it comes from, once that is known: TIER_UNSPECIFIED when it is being made. Nothing while
  // it is being looked for; `waiting` is woken then.
  std::optional<v1::Tier> Source(const std::shared_ptr<Waiting>& waiting);
  // What comes after the first `position` events, at most about `max_bytes` of it; nothing when it
  // is not there yet: `waiting` is woken then.
  std::optional<Next> After(std::size_t position, bool may_lead, std::size_t max_bytes,
                            const std::shared_ptr<Waiting>& waiting);

  // All events so far.
  std::vector<EventPtr> events() const;
  Cost cost() const;
  // Whether nobody leads it any more, and nobody has to.
  bool over() const;

 private:
  enum class State { kSought, kLed, kLeaderless, kComplete, kFailed, kTooLong };

  void WakeAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether it still fits.
  bool Add(std::string event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<Next> AtEnd(bool may_lead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint64_t stamp_;
  const std::size_t max_bytes_;
  const std::size_t max_total_bytes_;
  std::atomic<std::size_t>& total_bytes_;

  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kSought;
  v1::Tier tier_ ABSL_GUARDED_BY(mutex_) = v1::TIER_UNSPECIFIED;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  Cost cost_ ABSL_GUARDED_BY(mutex_);
  std::vector<EventPtr> events_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<Waiting>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
