// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "common/rpc/loop.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "common/time/clock.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/registration/join_stream.h"

namespace chasqui::router {

// chasqui.fleet.v1.FleetService: tells operators and other services about the fleet and passes
// their drains on. Owned by the RouterServer; constant after construction, thread-safe.
class FleetService {
 public:
  // `fleet`, `streams` and `clock` outlive it.
  FleetService(std::string router_id, SharedFleet& fleet, const JoinStreams& streams,
               const time::Clock& clock);

  // Adds the methods to the server, which must end before this does.
  void Register(rpc::Server& server);

 private:
  rpc::Task<absl::Status> Watch(rpc::ServerCall& call, fleet::v1::WatchFleetRequest request,
                                rpc::ServerWriter<fleet::v1::WatchFleetResponse>& writer) const;
  rpc::Task<absl::StatusOr<fleet::v1::DrainWorkerResponse>> Drain(
      rpc::ServerCall& call, fleet::v1::DrainWorkerRequest request) const;
  // Tells the worker to drain: by its Join stream, or by a call where the router asks it what it
  // does.
  rpc::Task<absl::Status> TellToDrain(rpc::ServerCall& call,
                                      const fleet::v1::DrainWorkerRequest& request,
                                      SessionId session) const;
  rpc::Task<absl::Status> CommandDrain(rpc::ServerCall& call, bool undo, JoinStream& stream) const;
  fleet::v1::ListWorkersResponse List() const;
  fleet::v1::WatchFleetResponse Snapshot(std::uint64_t& revision) const;

  const std::string router_id_;
  SharedFleet& fleet_;
  const JoinStreams& streams_;
  const time::Clock& clock_;
};

}  // namespace chasqui::router
