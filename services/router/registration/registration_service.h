// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/observability/log.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/registration/join_stream.h"

namespace chasqui::router {

// chasqui.fleet.v1.RegistrationService: the gRPC edge of membership. Each Join stream is a
// coroutine on the loop of its call. Owned by the RouterServer; constant after construction,
// thread-safe.
class RegistrationService {
 public:
  struct Options {
    std::string router_id;
    time::Duration report_interval;
    rpc::ChannelOptions worker_channels;
    int loops;
  };

  // `fleet` and `streams` outlive it.
  RegistrationService(Options options, SharedFleet& fleet, JoinStreams& streams,
                      observability::Logger log);

  // Adds the methods to the server, which must end before this does.
  void Register(rpc::Server& server);

  // Drops silent members every so often, until the loop stops.
  rpc::Task<void> DropSilent(rpc::Loop& loop);

 private:
  using Reader = rpc::ServerReader<fleet::v1::JoinRequest>;
  using Writer = rpc::ServerWriter<fleet::v1::JoinResponse>;

  rpc::Task<absl::Status> Join(rpc::ServerCall& call, Reader& reader, Writer& writer) const;
  rpc::Task<absl::StatusOr<fleet::v1::WorkerHello>> ReadHello(rpc::ServerCall& call,
                                                              Reader& reader) const;
  absl::StatusOr<SessionId> Enter(const fleet::v1::WorkerHello& hello) const;
  rpc::Task<absl::Status> Listen(Reader& reader, SessionId session, JoinStream& stream) const;
  absl::Status Take(const fleet::v1::JoinRequest& message, SessionId session,
                    JoinStream& stream) const;
  void WarnOfConflicts() const;

  const Options options_;
  SharedFleet& fleet_;
  JoinStreams& streams_;
  const observability::Logger log_;
};

}  // namespace chasqui::router
