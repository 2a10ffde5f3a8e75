// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/time/clock.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

// A moment on both clocks.
struct Now {
  time::SteadyTime steady;
  time::SystemTime system;
};

// Who is a member of the fleet, and what they last said. It believes only what hello.h lets pass,
// calls nobody and reads no clock. Owned by the Dispatcher; confined to the loop that owns the
// fleet.
class Registry {
 public:
  struct Limits {
    std::size_t max_workers;
    // A member not heard of for longer is dropped.
    time::Duration silence;
    // When members are ejected.
    resilience::CircuitBreakerOptions breaker = {};
  };

  // What a hello led to.
  struct Joined {
    SessionId session;
    // The stream of its former self, to be ended; 0: there was none.
    SessionId replaced;
  };

  explicit Registry(Limits limits) : limits_(limits) {}
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  //   INVALID_ARGUMENT    the hello is wrong
  //   ALREADY_EXISTS      another member has the address
  //   RESOURCE_EXHAUSTED  as many members as allowed
  absl::StatusOr<Joined> Join(const fleet::v1::WorkerHello& hello,
                              std::shared_ptr<WorkerChannel> channel, Now now);

  // What a member says: both INVALID_ARGUMENT when it is wrong, ABORTED when the session is no
  // longer that of a member.
  absl::Status Report(SessionId session, const fleet::v1::LoadReport& load, Now now);
  absl::Status SetModels(SessionId session, const fleet::v1::WorkerModels& models, Now now);

  // The session's stream ended. No effect when it was replaced or dropped before.
  void Leave(SessionId session);

  // Drops the members that were silent for too long; their sessions.
  std::vector<SessionId> Expire(time::SteadyTime now);

  // Marks whether an operator wants the member drained; the member, or NOT_FOUND.
  absl::StatusOr<Member*> SetDrain(std::string_view worker_id, bool drain);

  const std::map<std::string, std::shared_ptr<Member>, std::less<>>& members() const {
    return members_;
  }
  Member* FindSession(SessionId session);

 private:
  std::shared_ptr<Member> FindLife(const fleet::v1::WorkerHello& hello);
  void Depart(std::shared_ptr<Member> member);

  const Limits limits_;
  // By worker_id: those connected.
  std::map<std::string, std::shared_ptr<Member>, std::less<>> members_;
  std::map<SessionId, Member*> sessions_;
  // By worker_id: the life that left last, while requests still run on it.
  std::map<std::string, std::weak_ptr<Member>> departed_;
  SessionId last_session_ = 0;
  std::uint64_t next_order_ = 0;
};

}  // namespace chasqui::router
