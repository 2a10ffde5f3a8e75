// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

// How turns are shared among tenants.
struct FairnessOptions {
  // Tokens that a tenant of weight 1 may have served in one round; above 0.
  std::uint32_t quantum_tokens = 1024;
  // Weights above 0, by tenant; 1 where there is none.
  absl::flat_hash_map<std::string, std::uint32_t> weights;
};

// So much of a queue.
struct Work {
  std::uint64_t requests = 0;
  std::uint64_t tokens = 0;

  bool operator==(const Work&) const = default;
  Work& operator+=(const Work& more) {
    requests += more.requests;
    tokens += more.tokens;
    return *this;
  }
};

struct TenantFlow;

// A waiting request and where it stands. Owned by the WaitQueue, which keeps its address.
struct Queued {
  std::shared_ptr<Ticket> ticket;
  // Its class by now: it may have aged.
  Priority level = Priority::kNormal;
  TenantFlow* flow = nullptr;
  std::list<Queued*>::iterator in_flow;
};

// The waiting requests of one tenant.
struct TenantFlow {
  std::string tenant;
  std::uint64_t weight = 1;
  std::list<Queued*> waiting;  // in order of arrival; never empty outside of functions
  std::uint64_t tokens = 0;    // of all that wait
  std::uint64_t number = 0;    // its place in the ring
  std::uint64_t round = 0;     // of the last visit that `deficit` accounts for
  std::uint64_t deficit = 0;   // tokens it may still have served, as of then
};

// The requests of one class, served tenant by tenant: deficit round robin (Shreedhar and Varghese,
// "Efficient fair queueing using deficit round robin", SIGCOMM 1995) with the costs of requests in
// tokens for the lengths of packets. While a tenant has requests waiting it gets no less than its
// share, by weights, of what is served, less a quantum and the largest request. Whose next visit
// covers its first request in which round is computed, not walked, so that requests much larger
// than the quantum cost no turns: all functions take O(log tenants) unless they say otherwise.
// Knows no clock. Guarded like the WaitQueue that owns it.
class DeficitRoundRobin {
 public:
  // `options` outlives it.
  explicit DeficitRoundRobin(const FairnessOptions& options) : options_(options) {}
  DeficitRoundRobin(const DeficitRoundRobin&) = delete;
  DeficitRoundRobin& operator=(const DeficitRoundRobin&) = delete;

  // Behind the other requests of its tenant.
  void Add(Queued& item);
  // It leaves without having been served.
  void Remove(Queued& item);
  // The one to be served next; null when none waits.
  Queued* Next() const;
  // Next() was served, and leaves.
  void ServeNext();

  const Work& work() const { return work_; }
  // What a tenant has waiting; null: nothing.
  const TenantFlow* Find(std::string_view tenant) const;
  // Who has the most tokens waiting for its weight; null when none waits. O(tenants).
  const TenantFlow* Heaviest() const;
  std::uint64_t WeightOf(std::string_view tenant) const;

  // What will be served before the item, if nobody comes or leaves: exact where one tenant waits;
  // of each other tenant it may be wrong by about a request. O(tenants + requests of the tenant).
  Work Before(const Queued& item) const;
  // The same for one of `cost` tokens that came now. O(tenants).
  Work BeforeNewcomer(std::string_view tenant, std::uint64_t cost) const;

 private:
  // A flow's place in the order of service: the round in which its first request is covered, and
  // its number.
  using Turn = std::pair<std::uint64_t, std::uint64_t>;

  Turn TurnOf(const TenantFlow& flow) const;
  void TakeOut(Queued& item);
  // The round, after that of `flow.round`, whose visit covers so many tokens of the flow.
  std::uint64_t RoundOf(const TenantFlow& flow, std::uint64_t tokens) const;
  // What others have served before that turn.
  Work Before(Turn turn) const;

  const FairnessOptions& options_;
  absl::node_hash_map<std::string, TenantFlow> flows_;
  absl::btree_map<Turn, TenantFlow*> turns_;
  std::uint64_t round_ = 1;  // of what was served last
  std::uint64_t next_number_ = 0;
  Work work_;
};

}  // namespace chasqui::router
