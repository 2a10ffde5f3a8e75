// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "chasqui/fleet/v1/load.pb.h"
#include "chasqui/inference/v1/model.pb.h"
#include "common/resilience/circuit_breaker.h"
#include "common/time/clock.h"

namespace chasqui::router {

class WorkerChannel;
struct Member;

// Numbers the Join streams of a router's life from 1; 0 is none.
using SessionId = std::uint64_t;

// One model on one worker: what the router knows about the room there. Lives as long as its member.
// Confined to the loop that owns the fleet.
struct Seat {
  explicit Seat(Member& owner) : member(owner) {}

  Member& member;
  std::string model;
  std::string fingerprint;
  // Whether the worker says that the model is in memory.
  bool ready = false;
  // Whether it is ready and the worker takes requests, by its last word, and since when.
  bool serves = false;
  time::SteadyTime serves_since;
  // Whether the worker knows the model without having it in memory: a request has it loaded.
  bool loadable = false;
  // Whether the worker refused a request as full; until its next report, or until a request of this
  // router ends there.
  bool refused = false;
  // Slots of this router's requests there: exact, from the moment of the choice to the end of the
  // call.
  std::uint32_t own = 0;
  // Slots of others' requests there, by the last report.
  std::uint32_t others = 0;
  // Requests that can run at once. 0: not known yet, nothing is sent.
  std::uint32_t slots = 0;
  // Tokens generated a second with all slots busy. 0: not measured yet.
  double tokens_per_second = 0;
  // Moving average of what requests of this router took there, those answered with OK. 0: not
  // measured yet.
  double response_seconds = 0;
  // Tokens computed there since the model was loaded, prompts and answers, by the last report.
  std::uint64_t computed_tokens = 0;
  // When a report last told of progress, or of no request that could make any.
  time::SteadyTime last_progress;

  std::uint32_t load() const { return own + others; }
};

// A worker, for as long as anyone has to do with this life (incarnation) of it: the registry while
// it is connected, and the requests running on it. A worker whose stream broke and that comes back
// in the same life is the same object again, so that its running requests stay counted.
// Confined to the loop that owns the fleet.
struct Member : std::enable_shared_from_this<Member> {
  std::string worker_id;
  std::uint64_t incarnation = 0;
  std::string address;
  std::string version;
  std::vector<fleet::v1::Device> devices;
  std::vector<inference::v1::Model> models;
  // The last report; reports before the first count as WORKER_STATE_STARTING.
  fleet::v1::LoadReport load;
  time::SystemTime load_time;
  time::SystemTime join_time;
  time::SteadyTime last_heard;
  // How requests get there; null in tests of decisions.
  std::shared_ptr<WorkerChannel> channel;
  // The Join stream; 0 when it has left.
  SessionId session = 0;
  // When it joined relative to the others.
  std::uint64_t order = 0;
  // A call could not reach it: until its next report nothing is sent.
  bool suspect = false;
  // Whether it fails again and again.
  resilience::CircuitBreaker breaker;
  // An operator wants it drained, whether or not it says so yet.
  bool drain_requested = false;
  // By model. Entries outlive the model's leaving while requests run.
  std::map<std::string, Seat> seats;

  bool connected() const { return session != 0; }

  // Whether it takes requests, as far as anyone told.
  bool takes_requests() const {
    return connected() && !drain_requested && load.state() == fleet::v1::WORKER_STATE_READY;
  }
};

// Whether requests for the seat's model may be sent there, now or when there is room.
inline bool IsServable(const Seat& seat) { return seat.ready && seat.member.takes_requests(); }

// Whether a request would have the model loaded there.
inline bool IsLoadable(const Seat& seat) { return seat.loadable && seat.member.takes_requests(); }

// Whether a servable or loadable seat can take a request of so many slots now; one that takes none
// only needs the worker reachable. One that takes more than there are waits for all of them: the
// worker then says that they will never do.
inline bool HasRoom(const Seat& seat, std::uint32_t slots) {
  if (seat.member.suspect) return false;
  if (slots == 0) return true;
  return !seat.refused && seat.load() < seat.slots &&
         std::min(slots, seat.slots) <= seat.slots - seat.load();
}

}  // namespace chasqui::router
