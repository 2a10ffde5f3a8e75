// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/router/fleet/member.h"
#include "services/router/policy/policy.h"

namespace chasqui::router {

struct Ticket;
// Classes of requests, the last one first.
enum class Priority : std::uint8_t { kLow, kNormal, kHigh };
inline constexpr std::size_t kPriorities = 3;

// A place on a worker that a request was given, with what a call there needs. Keeps the member's
// object alive.
struct Place {
  std::shared_ptr<Member> member;
  Seat* seat = nullptr;
  // As they were when the place was given; the member may have left and come back since.
  SessionId session = 0;
  std::shared_ptr<WorkerChannel> channel;
  // Slots it is counted with there; 0: none.
  std::uint32_t slots = 0;
  // Why the policy chose it.
  PickReason reason = PickReason::kLeastLoaded;
  // Of the request; null: none.
  std::shared_ptr<const std::vector<std::uint64_t>> prefix;
  // When the place was given.
  time::SteadyTime since;
  // Of a request that can move; null of others. Only compared.
  const Ticket* movable = nullptr;
  // Of the request, by which it is found while it runs; empty: it is not. See Whereabouts.
  std::string request_key;
  // Of the request, as its ticket has it.
  std::uint32_t cost_tokens = 0;
};

// A request that asks for a place: first, and again after each attempt that came to nothing. Made
// by the request; shared with the queue while it waits. Guarded like the Dispatcher it is given to.
struct Ticket : std::enable_shared_from_this<Ticket> {
  // The model's own name.
  std::string model;
  // The weights, for a stream that began with them and goes on; empty: those that serve the name.
  std::string fingerprint;
  // Whether it waits where no worker takes requests for the model, and would rather have one it
  // failed on than none.
  bool outlasts_workers = false;
  // Whether its request can go on elsewhere, and is to be told when it should.
  bool movable = false;
  // Slots it runs in, one for each of its answers; what needs none never waits.
  std::uint32_t slots = 1;
  // The request's own id, by which its place in the queue can be asked for; empty: it cannot.
  std::string request_id;
  // Whose it is; empty: of one of those who are not told apart.
  std::string tenant;
  Priority priority = Priority::kNormal;
  // What it will cost, by an estimate of the tokens of its prompt and its answers. Not changed
  // while it waits.
  std::uint32_t cost_tokens = 1;
  // When its client gives up; the largest value: never.
  time::SteadyTime deadline = time::SteadyTime::max();
  // Number of the request among all of this router. Who comes back after a failed attempt stands
  // where the number says: before everyone who came later.
  std::uint64_t arrival = 0;
  // Whether it may be refused because the queue is full: only until its first attempt.
  bool refusable = true;
  // Hashes of the prompt's beginnings, for policies that look at them; null: none.
  std::shared_ptr<const std::vector<std::uint64_t>> prefix;
  // Since when it waits, this time.
  time::SteadyTime waiting_since;
  // Memberships on which it failed: it is not sent there again.
  absl::InlinedVector<SessionId, 4> avoid;
  // What came of it; nothing while it waits.
  std::optional<absl::StatusOr<Place>> outcome;

  bool Avoids(SessionId session) const { return std::ranges::find(avoid, session) != avoid.end(); }
};

}  // namespace chasqui::router
