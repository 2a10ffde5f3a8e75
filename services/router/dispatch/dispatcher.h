// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/router/dispatch/recall.h"
#include "services/router/dispatch/whereabouts.h"
#include "services/router/fleet/catalogue.h"
#include "services/router/fleet/registry.h"
#include "services/router/policy/policy.h"
#include "services/router/queue/model_queue.h"
#include "services/router/queue/service_time.h"
#include "services/router/queue/ticket.h"
#include "services/router/queue/wait_queue.h"

namespace chasqui::router {

// How a request's time at its place ended.
enum class Ending {
  kAnswered,     // the worker answered with a result
  kDone,         // it ended otherwise: the worker refused what was asked, or the client left
  kFailed,       // the worker failed by its own fault
  kFull,         // the worker refused it, having no slot
  kUnreachable,  // no call came through
};

// Gives requests places on workers: the registry, the catalogue made from it, and a queue for each
// model, kept in step. Whatever changes room (a report, a release, a member that comes or goes)
// serves the queues. It calls nobody and reads no clock: decided tickets are collected, and whoever
// called takes them with TakeDecided() and wakes their requests. Owned by the SharedDispatcher,
// which guards it. Thread-compatible.
class Dispatcher {
 public:
  struct Options {
    Registry::Limits registry;
    // Most requests that wait for one model, and most tokens of them.
    std::size_t max_waiting;
    std::uint64_t max_waiting_tokens = std::numeric_limits<std::uint64_t>::max();
    // Who goes first.
    WaitQueue::Options order = {};
    // Longest wait for a worker of a model that has none, zero: no wait; and the models that are
    // waited for though no worker ever had them.
    time::Duration wait_for_worker = {};
    std::vector<std::string> expected_models = {};
    // When clients are told to come back, at the least.
    std::chrono::milliseconds retry_delay;
    // How long a worker may compute nothing while it has requests before its streams are recalled.
    time::Duration still_after;
    // Ejections are disregarded where a larger part of a model's workers is ejected.
    std::uint32_t max_ejected_percent = 50;
    // How long a worker takes to get its whole share; see slow_start.h.
    time::Duration slow_start = {};
    // Makes the policy of one model.
    absl::AnyInvocable<std::unique_ptr<BalancingPolicy>()> make_policy;
  };

  // A request that should go on elsewhere.
  struct Recalled {
    std::shared_ptr<Ticket> ticket;
    Recall why;
  };

  // The queue of one model, for watchers.
  struct QueueView {
    std::string model;
    std::size_t waiting;
    std::uint64_t waiting_tokens;
    // By class; the rest came back from attempts.
    std::array<Work, kPriorities> classes;
    time::Duration oldest_wait;
    std::uint32_t running;
    ModelQueue::Refused refused;
    // Whether there is a worker that takes requests for it.
    bool has_worker;
  };

  // Where a request stands.
  struct Standing {
    enum class State { kUnknown, kWaiting, kRunning };
    State state = State::kUnknown;
    // Where it waits: the model, what is before it, and how long it will take if that has been
    // measured.
    std::string model;
    Work before = {};
    std::optional<WaitEstimate> estimate = {};
  };

  explicit Dispatcher(Options options);

  // Membership; see Registry.
  absl::StatusOr<Registry::Joined> Join(const fleet::v1::WorkerHello& hello,
                                        std::shared_ptr<WorkerChannel> channel, Now now);
  absl::Status Report(SessionId session, const fleet::v1::LoadReport& load, Now now);
  absl::Status SetModels(SessionId session, const fleet::v1::WorkerModels& models, Now now);
  void Leave(SessionId session, time::SteadyTime now);
  // It could not be reached: until its next report nothing is sent there.
  void Suspect(SessionId session);
  // Also forgets models that nobody has held for ten minutes, refuses those that have waited for a
  // worker for too long, and recalls the requests that should go on elsewhere; to be called every
  // second or so.
  std::vector<SessionId> Expire(time::SteadyTime now);
  absl::StatusOr<Member*> SetDrain(std::string_view worker_id, bool drain, time::SteadyTime now);

  // The own name of the model that a request means; "" means the only one there is. Where requests
  // wait for workers it may have none.
  //   INVALID_ARGUMENT  none named, and there are several
  //   NOT_FOUND         no such model
  //   UNAVAILABLE       no worker is there, or none is left that has it
  absl::StatusOr<std::string> Resolve(std::string_view name) const;

  // Gives the ticket a place, queues it, or refuses it:
  //   UNAVAILABLE         no worker can take it, or only ones it failed on
  //   RESOURCE_EXHAUSTED  the queue is full, or it would come too late; later: it was displaced
  // When it returns, the ticket has its outcome or waits.
  void Submit(std::shared_ptr<Ticket> ticket, time::SteadyTime now);
  // It waits no longer. Whether it did: if not, it has its outcome.
  bool Withdraw(const Ticket& ticket);

  // The worker began to answer the request at `place`: the policy may remember what it was.
  void Took(const Place& place);
  // The request at `place` ended so.
  void Release(const Place& place, Ending ending, time::SteadyTime now);

  // Tickets that waited and have their outcome now, since the last call.
  std::vector<std::shared_ptr<Ticket>> TakeDecided() { return std::exchange(decided_, {}); }
  // Movable requests that run where they should not, as found since the last call. They are told
  // again as long as it is so.
  std::vector<Recalled> TakeRecalled() { return std::exchange(recalled_, {}); }

  // Workers that were ejected since the last call, each with the model whose request was the last
  // to fail there.
  struct Ejection {
    std::string worker_id;
    std::string model;

    bool operator==(const Ejection&) const = default;
  };
  std::vector<Ejection> TakeEjected() { return std::exchange(ejected_, {}); }

  // Grows with everything that a watcher of the fleet would see.
  std::uint64_t revision() const { return revision_; }
  // Grows when the models that can be asked may have become others.
  std::uint64_t availability_revision() const { return availability_revision_; }
  const Registry& registry() const { return registry_; }
  const Catalogue& catalogue() const { return catalogue_; }
  std::vector<QueueView> Queues(time::SteadyTime now) const;
  // Where the tenant's request of that id stands.
  Standing Find(std::string_view tenant, std::string_view request_id, time::SteadyTime now) const;
  // When a request refused now for want of room should come back.
  std::chrono::milliseconds RetryDelay(std::string_view model, time::SteadyTime now) const;

 private:
  // What there is of a model beside its places.
  struct ModelState {
    explicit ModelState(const ModelQueue::Options& options) : queue(options) {}

    std::unique_ptr<BalancingPolicy> policy;
    ModelQueue queue;
    std::uint32_t running = 0;
  };

  // A name that workers had.
  struct KnownName {
    std::string model;      // its own name
    time::SteadyTime last;  // when a worker last had it
  };

  using Seats = absl::InlinedVector<Seat*, 16>;

  // What a change can mean to those who wait.
  enum class Change { kRoom, kWorkers };

  // Where a movable request runs.
  struct Stay {
    std::shared_ptr<Ticket> ticket;
    std::shared_ptr<Member> member;
    const Seat* seat;
  };

  ModelState& StateOf(const std::string& model);
  void RecallStreams(time::SteadyTime now);
  void Rebuild(time::SteadyTime now);
  void Serve(std::string_view model, Change change, time::SteadyTime now);
  // The outcome for the ticket as things are; nothing when it can only wait.
  std::optional<absl::StatusOr<Place>> TryPlace(Ticket& ticket, ModelState& state,
                                                time::SteadyTime now);
  // Where it may go, with or without room; `anywhere`: also where it failed.
  Seats UsableSeats(const CatalogueEntry& entry, const Ticket& ticket, bool anywhere,
                    time::SteadyTime now) const;
  // One of `seats` by the policy; nothing when none has room.
  std::optional<absl::StatusOr<Place>> Pick(Seats& seats, Ticket& ticket, ModelState& state,
                                            time::SteadyTime now);
  Place Occupy(Seat& seat, Ticket& ticket, ModelState& state, time::SteadyTime now);
  absl::Status NoWorker(std::string_view model) const;
  // The outcome for a ticket that no worker can take: nothing where it may wait for one.
  std::optional<absl::StatusOr<Place>> WithoutWorker(const Ticket& ticket,
                                                     time::SteadyTime now) const;
  bool HasWorker(std::string_view model) const;
  // The own name of a model that no worker has, but that one had lately or is to have.
  std::optional<std::string> AbsentModel(std::string_view name) const;
  // Slots of the model's workers that others do not use.
  std::uint32_t SlotsOf(std::string_view model) const;
  void RefuseThoseWithoutWorker(time::SteadyTime now);
  // The ticket waits no longer and has its outcome.
  void Decided(std::shared_ptr<Ticket> ticket);

  Options options_;
  Registry registry_;
  Catalogue catalogue_;
  std::uint64_t revision_ = 0;
  std::uint64_t availability_revision_ = 0;
  std::map<std::string, ModelState, std::less<>> models_;
  // By name and alias.
  std::map<std::string, KnownName, std::less<>> known_names_;
  Whereabouts whereabouts_;
  std::vector<std::shared_ptr<Ticket>> decided_;
  absl::flat_hash_map<const Ticket*, Stay> stays_;
  std::vector<Recalled> recalled_;
  std::vector<Ejection> ejected_;
};

}  // namespace chasqui::router
