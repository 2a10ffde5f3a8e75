// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "chasqui/worker/v1/worker_service.pb.h"
#include "common/resilience/backoff.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "services/inference-worker/membership/worker_facts.h"

namespace chasqui::worker {

// This worker's membership at one router: keeps a Join stream open, reports the load on change (at
// most every 20 ms) and at least once in the interval the router asks for, and answers commands.
// Joins again, with backoff, when the stream ends. Owned by the worker's server. Confined to
// `loop`.
class Membership {
 public:
  // `api_key` is shown to the router; empty: none. `facts` outlives this.
  Membership(rpc::Loop& loop, rpc::Channel router, std::string api_key, WorkerFacts& facts);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Lives as long as the membership: until Leave(). Spawned once on the loop.
  concurrency::Task<void> Run();

  // The load has changed: a report follows soon.
  void LoadChanged();
  // Models have come, gone or changed: they are told before the next report.
  void ModelsChanged();

  // Ends the membership: the stream is closed in order, Run() returns. Idempotent.
  void Leave();

  worker::v1::RouterMembership status() const;

 private:
  enum class Wake { kSomething, kInterval };
  struct Session;

  concurrency::Task<absl::Status> JoinOnce();
  concurrency::Task<absl::StatusOr<fleet::v1::Welcome>> Greet(rpc::ClientCall& call);
  concurrency::Task<void> Report(std::shared_ptr<Session> session);
  concurrency::Task<bool> Send(Session& session, fleet::v1::JoinRequest message);
  concurrency::Task<void> Answer(std::shared_ptr<Session> session, fleet::v1::Command command);

  rpc::Loop& loop_;
  const rpc::Channel router_;
  const rpc::CallOptions call_options_;
  WorkerFacts& facts_;
  resilience::Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
  std::shared_ptr<Session> session_;  // the living stream, once welcomed
  rpc::OneShot<bool> leave_;
  std::string error_ = "not joined yet";
};

}  // namespace chasqui::worker
