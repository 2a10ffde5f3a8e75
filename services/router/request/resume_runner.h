// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "services/router/request/peer_routers.h"
#include "services/router/request/request_record.h"
#include "services/router/request/request_runner.h"
#include "services/router/request/stream_store.h"

namespace chasqui::router {

// Takes streams up again for clients that lost their connection: from this router's store, else by
// another router that has it, else by what the client gives back. Owned by the RouterServer;
// constant after construction and thread-safe.
class ResumeRunner {
 public:
  // All outlive it.
  ResumeRunner(const RequestRunner& requests, StreamStore& store, const PeerRouters& peers,
               RouterMetrics& metrics)
      : requests_(requests), store_(store), peers_(peers), metrics_(metrics) {}

  // The handler of ResumeStream.
  rpc::Task<absl::Status> Run(rpc::ServerCall& call) const;

 private:
  rpc::Task<absl::Status> Serve(rpc::ServerCall& call, RequestRecord& record) const;
  rpc::Task<absl::Status> ServeKept(rpc::ServerCall& call, BegunStream& stream,
                                    const inference::v1::ResumeStreamRequest& request,
                                    RequestRecord& record) const;

  const RequestRunner& requests_;
  StreamStore& store_;
  const PeerRouters& peers_;
  RouterMetrics& metrics_;
};

}  // namespace chasqui::router
