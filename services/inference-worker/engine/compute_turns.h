// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace chasqui::worker {

// Lets those who compute on the same processors do so one after the other: two teams of threads on
// the same processors cost each other far more than half of the speed, for at the end of every
// operation all of a team wait for the one that was not scheduled.
//
// The algorithm is fair queueing by time used, without preemption, as Linux' CFS does it: each
// member's turns are added up, and of those that wait the one that has used the least is next, of
// equal ones the one that came first. A member with short steps takes several while one with long
// steps waits, so that each has the same time, and none waits longer than for one step of each
// other beyond that. Who comes back from a pause is placed among those that are active: no earlier
// than the first of them (a pause earns nothing) and no later than the last (what was used while
// others paused costs nothing). Members without a processor in common do not wait for each other.
//
// Owned by the server, outlives its members. Thread-safe.
class ComputeTurns {
 public:
  // `clock` outlives it.
  explicit ComputeTurns(const time::Clock& clock = time::RealClock()) : clock_(clock) {}
  ComputeTurns(const ComputeTurns&) = delete;
  ComputeTurns& operator=(const ComputeTurns&) = delete;
  ~ComputeTurns();  // ends the process when a member is left

  // Somebody who computes, with one thread that asks. Thread-compatible.
  class Member;

  // `processors`: those it computes on; empty: all.
  std::unique_ptr<Member> Join(std::span<const int> processors);

  // How many wait; for tests and metrics.
  std::size_t waiting() const;

 private:
  static constexpr std::size_t kMostProcessors = 1024;

  struct Account {
    std::bitset<kMostProcessors> processors;
    time::Duration used{};   // with what placing it among the others added
    time::SteadyTime since;  // of the turn it has
    std::uint64_t arrival = 0;
    bool waits = false;
    bool runs = false;
  };

  bool Enter(Account& account, const std::stop_token& stop);
  void Leave(Account& account);
  void PlaceAmongActive(Account& account) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether it is the turn of `account`, which waits.
  bool MayRun(const Account& account) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool MustYield(const Account& account) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const time::Clock& clock_;
  mutable absl::Mutex mutex_;
  std::vector<Account*> accounts_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t arrivals_ ABSL_GUARDED_BY(mutex_) = 0;
};

class ComputeTurns::Member {
 public:
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  // Before each step: waits until it is the member's turn, which lasts until Leave() or the next
  // Enter(), where it passes on if somebody else is due. False, and no turn, once `stop` is
  // requested while it waits. Costs about 0.1 us when nobody else wants the processors.
  bool Enter(const std::stop_token& stop) { return turns_.Enter(account_, stop); }

  // There is nothing to compute for now. Without effect when it has no turn.
  void Leave() { turns_.Leave(account_); }

 private:
  friend class ComputeTurns;
  explicit Member(ComputeTurns& turns) : turns_(turns) {}

  ComputeTurns& turns_;
  Account account_;  // guarded by the mutex of turns_
};

}  // namespace chasqui::worker
