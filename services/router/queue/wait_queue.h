// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "common/time/clock.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

// The requests that wait for one model, first come first served by arrival. Bounded by whoever
// adds. Knows no clock. Guarded like the Dispatcher that owns it.
class WaitQueue {
 public:
  // What to do with a waiting request.
  enum class Verdict {
    kKeep,     // it waits on
    kTake,     // it has its outcome
    kKeepAll,  // it waits on, and so does everyone behind it
  };

  std::size_t size() const { return waiting_.size(); }
  bool empty() const { return waiting_.empty(); }

  void Add(std::shared_ptr<Ticket> ticket);
  // Whether it was there.
  bool Remove(const Ticket& ticket);

  // Asks `judge` about each in turn; calls `taken` with those it takes, which are out by then.
  void Serve(absl::FunctionRef<Verdict(Ticket&)> judge,
             absl::FunctionRef<void(std::shared_ptr<Ticket>)> taken);

  // How long the longest waits; 0 when none does.
  time::Duration OldestWait(time::SteadyTime now) const;

 private:
  std::map<std::uint64_t, std::shared_ptr<Ticket>> waiting_;  // by arrival
};

}  // namespace chasqui::router
