// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "common/time/clock.h"
#include "services/router/queue/deficit_round_robin.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

// The requests that wait for one model, in this order: those that came back from an attempt, by
// arrival; then by class, the highest first; in a class tenant by tenant, see DeficitRoundRobin; of
// a tenant first come, first served. Who waits long goes up a class, so that nobody starves. Knows
// no clock. Guarded like the Dispatcher that owns it.
class WaitQueue {
 public:
  struct Options {
    // After each such time a request goes up a class; zero: never.
    time::Duration ageing = std::chrono::seconds(10);
    FairnessOptions fairness;
  };

  // How much may wait.
  struct Bounds {
    std::size_t max_requests;
    // One request may wait whatever it costs.
    std::uint64_t max_tokens;
  };

  // What to do with a waiting request.
  enum class Verdict {
    kKeep,     // it waits on; of those that never were at a worker, so does everyone behind it
    kTake,     // it has its outcome
    kKeepAll,  // it waits on, and so does everyone behind it
  };

  WaitQueue() : WaitQueue(Options()) {}
  explicit WaitQueue(Options options);
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  std::size_t size() const { return returned_.size() + index_.size(); }
  bool empty() const { return size() == 0; }
  // Whether anyone waits that never was at a worker.
  bool has_newcomers() const { return !index_.empty(); }
  std::uint64_t tokens() const;
  // Of one class, those that came back left out.
  const Work& work(Priority level) const { return classes_[Index(level)].work(); }

  // Times of calls must not go back.
  void Add(std::shared_ptr<Ticket> ticket);
  // Whether it was there.
  bool Remove(const Ticket& ticket);

  // Asks `judge` about each in turn; calls `taken` with those it takes, which are out by then.
  void Serve(time::SteadyTime now, absl::FunctionRef<Verdict(Ticket&)> judge,
             absl::FunctionRef<void(std::shared_ptr<Ticket>)> taken);

  // Whether the newcomer may wait, too, within the bounds. Those who must leave for it are taken
  // out into `displaced`: the newest of the lowest classes below its own; where there is none, the
  // newest of the tenant that has the most tokens waiting in its class, if that stays more than
  // the newcomer's tenant has.
  bool MakeRoom(const Ticket& newcomer, const Bounds& bounds, time::SteadyTime now,
                std::vector<std::shared_ptr<Ticket>>& displaced);

  // Takes those out that have waited since `then` or longer, but for those that outlast workers.
  std::vector<std::shared_ptr<Ticket>> TakeThoseSince(time::SteadyTime then);

  // What is before one that waits, or would be before one that came now; see DeficitRoundRobin.
  Work Before(const Ticket& waiting) const;
  Work BeforeNewcomer(const Ticket& ticket) const;

  // How long the longest waits; 0 when none does.
  time::Duration OldestWait(time::SteadyTime now) const;

 private:
  using List = std::list<Queued>;

  static std::size_t Index(Priority level) { return static_cast<std::size_t>(level); }
  List& ListOf(const Queued& item);
  void Age(time::SteadyTime now);
  Queued* Next() const;
  // Takes one out that has left its class.
  std::shared_ptr<Ticket> Release(Queued& item);
  std::shared_ptr<Ticket> TakeOut(Queued& item);
  bool Fits(const Ticket& newcomer, const Bounds& bounds, const Work& without) const;
  std::vector<Queued*> LowerThan(const Ticket& newcomer, const Bounds& bounds);
  std::vector<Queued*> OfTheHeaviest(const Ticket& newcomer, const Bounds& bounds) const;

  const Options options_;
  // Those that came back, by arrival.
  std::map<std::pair<std::uint64_t, const Ticket*>, std::shared_ptr<Ticket>> returned_;
  std::uint64_t returned_tokens_ = 0;
  std::array<DeficitRoundRobin, kPriorities> classes_;
  // All others, by the class they came with and the one they are in by now: each in order of
  // arrival, so that the first are the next to go up.
  std::array<std::array<List, kPriorities>, kPriorities> waiting_;
  absl::flat_hash_map<const Ticket*, List::iterator> index_;
};

}  // namespace chasqui::router
