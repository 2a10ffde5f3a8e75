// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/resilience/retry_budget.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/admission/lease.h"
#include "services/router/dispatch/dispatcher.h"

namespace chasqui::router {

// A ticket whose request sleeps on a loop until it is decided.
struct Waiter final : Ticket {
  enum class Wake { kDecided, kTimeout, kCancelled };

  explicit Waiter(rpc::Loop& home) : loop(home) {}

  rpc::Loop& loop;
  // A new one for each wait, so that a late wake-up of a former wait finds nobody. Not changed
  // while the ticket is in the queue.
  std::shared_ptr<rpc::OneShot<Wake>> wake;
  // Longest wait; unset: as the fleet is configured.
  std::optional<time::Duration> max_wait;
  // Called on the loop, if set, when a movable request should go on elsewhere; again and again as
  // long as it is so. To be changed on the loop only.
  absl::AnyInvocable<void(Recall)> on_recall;

  // Ends the wait as a cancelled one. On the loop.
  void GiveUp() {
    if (wake != nullptr) wake->Set(Wake::kCancelled);
  }
};

// The fleet as all loops of a router share it: the Dispatcher behind one mutex, which is held for
// as long as a decision takes and never while calling out. With one loop the lock is never
// contended; with several it is what they share. Owned by the RouterServer; outlives its users.
// Thread-safe.
class SharedFleet {
 public:
  struct Options {
    Dispatcher::Options dispatcher;
    // Longest wait for a place.
    time::Duration max_wait;
    // How many requests may be tried again at one time.
    resilience::RetryBudget::Options retry_budget = {};
  };

  SharedFleet(Options options, const time::Clock& clock);
  SharedFleet(const SharedFleet&) = delete;
  SharedFleet& operator=(const SharedFleet&) = delete;

  // Membership; see Dispatcher.
  absl::StatusOr<Registry::Joined> Join(const fleet::v1::WorkerHello& hello,
                                        std::shared_ptr<WorkerChannel> channel);
  // For a worker that has not joined by itself: ALREADY_EXISTS when one of this id is a member.
  absl::StatusOr<SessionId> JoinIfAbsent(const fleet::v1::WorkerHello& hello,
                                         std::shared_ptr<WorkerChannel> channel);
  absl::Status Report(SessionId session, const fleet::v1::LoadReport& load);
  absl::Status SetModels(SessionId session, const fleet::v1::WorkerModels& models);
  void Leave(SessionId session);
  void Suspect(SessionId session);
  std::vector<SessionId> Expire();
  // The member's session.
  absl::StatusOr<SessionId> SetDrain(std::string_view worker_id, bool drain);

  absl::StatusOr<std::string> Resolve(std::string_view model) const;

  // Of all requests of the router.
  resilience::RetryBudget& retry_budget() { return retry_budget_; }

  // A number for Ticket::arrival.
  std::uint64_t NextArrival() { return next_arrival_.fetch_add(1, std::memory_order_relaxed); }

  // Gives `waiter`, a ticket of `call`, a place, waiting for one if need be. Errors are those of
  // Dispatcher::Submit and of giving up: CANCELLED when the call is cancelled, RESOURCE_EXHAUSTED
  // after max_wait. Confined to the call's loop, which is the waiter's.
  rpc::Task<absl::StatusOr<Lease>> Acquire(rpc::ServerCall& call, std::shared_ptr<Waiter> waiter);
  // The same without a call: until Waiter::GiveUp().
  rpc::Task<absl::StatusOr<Lease>> Acquire(std::shared_ptr<Waiter> waiter);
  // The worker began to answer the request at the place; Lease tells.
  void Took(const Place& place);
  // Gives a place back; Lease does.
  void Release(const Place& place, Ending ending);

  // What `read(const Dispatcher&, now)` returns; the lock is held meanwhile.
  template <typename Read>
  auto Look(Read read) const {
    absl::MutexLock lock(mutex_);
    return read(std::as_const(dispatcher_), clock_.SteadyNow());
  }

  // Is called, on any thread, after the models that can be asked may have changed. Before any use.
  void OnAvailability(absl::AnyInvocable<void()> changed) { changed_ = std::move(changed); }
  // Is called, on any thread, about a worker that was ejected. Before any use.
  void OnEjection(absl::AnyInvocable<void(const Dispatcher::Ejection&)> ejected) {
    ejected_ = std::move(ejected);
  }

 private:
  class Waiting;
  // Whom to wake, and where.
  struct Wakeup {
    rpc::Loop* loop;
    std::shared_ptr<rpc::OneShot<Waiter::Wake>> wake;
  };

  Now Clocks() const { return {clock_.SteadyNow(), clock_.SystemNow()}; }
  template <typename Change>
  auto Apply(Change change);
  // Whether the ticket has its outcome.
  bool Submit(const std::shared_ptr<Waiter>& waiter);
  // Whether it waited; if not it has its outcome.
  bool Withdraw(const Waiter& waiter);

  const time::Clock& clock_;
  const time::Duration max_wait_;
  absl::AnyInvocable<void()> changed_;
  absl::AnyInvocable<void(const Dispatcher::Ejection&)> ejected_;
  std::atomic<std::uint64_t> next_arrival_ = 1;
  resilience::RetryBudget retry_budget_;
  mutable absl::Mutex mutex_;
  Dispatcher dispatcher_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::router
