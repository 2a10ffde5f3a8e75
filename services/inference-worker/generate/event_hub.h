// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"

namespace chasqui::worker {

// Wakes the coroutines that wait for events of their generations: one wake-up of a loop for each
// step of an engine, however many streams it moved. Owned by the server, outlives the engines.
class EventHub {
 public:
  // `loops` outlive this.
  explicit EventHub(std::vector<rpc::Loop*> loops);

  // A coroutine's place: made on its loop, before the generation begins. Confined to that loop.
  class Waiter {
   public:
    Waiter(EventHub& hub, rpc::Loop& loop);
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Names the generation towards the engine.
    std::uint64_t tag() const { return tag_; }

    // co_await waiter.Event(): until there may be new events since the last call returned.
    concurrency::Task<void> Event();
    void Wake() { shot_.Set(true); }

   private:
    EventHub& hub_;
    const int loop_;
    const std::uint64_t tag_;
    rpc::OneShot<bool> shot_;
  };

  // The generations of these tags have new events. Thread-safe.
  void Notify(const std::vector<std::uint64_t>& tags);

 private:
  struct LoopWaiters {
    rpc::Loop* loop;
    std::uint64_t next = 0;
    absl::flat_hash_map<std::uint64_t, Waiter*> waiters;
  };

  std::vector<LoopWaiters> loops_;  // each confined to its loop
};

}  // namespace chasqui::worker
