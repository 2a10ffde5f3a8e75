// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/observability/log.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/metrics/router_metrics.h"
#include "services/router/relay/relay.h"
#include "services/router/request/inference_method.h"
#include "services/router/request/model_choice.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// Takes a request from its arrival to its end: read, validate, resolve the model, wait for a place,
// call the worker, relay, and again elsewhere when that came to nothing. Each is one coroutine on
// the loop of its call. Owned by the InferenceService; constant after construction and thread-safe.
class RequestRunner {
 public:
  struct Options {
    std::string router_id;
    Fallbacks fallbacks;
    int max_attempts;
    std::size_t max_buffered_events;
    // Blocks in which prompts are hashed for the policy; 0: it does not look at them.
    std::size_t prefix_block_bytes;
    // The policy's name in metrics.
    std::string policy;
  };

  // `fleet` and `metrics` outlive it.
  RequestRunner(Options options, SharedFleet& fleet, RouterMetrics& metrics,
                observability::Logger log);

  // The handler of `method`, which outlives the call.
  rpc::Task<absl::Status> Run(const InferenceMethod& method, rpc::ServerCall& call) const;

 private:
  // A request that may be sent to a worker.
  struct Admitted {
    // As the client sent it, with the model's own name and the request's id.
    grpc::ByteBuffer request;
    std::shared_ptr<Waiter> waiter;
    ModelChoice choice;
  };

  rpc::Task<absl::Status> Serve(rpc::ServerCall& call, RequestRecord& record) const;
  absl::StatusOr<Admitted> Admit(rpc::ServerCall& call, const grpc::ByteBuffer& bytes,
                                 RequestRecord& record) const;
  // Whether the request is another model's from now on, because `failure` says that nobody is left
  // for its own.
  bool FallBack(const absl::Status& failure, Admitted& admitted, RequestRecord& record) const;
  // Has the record's times measured under its model.
  void MeasureProgress(RequestRecord& record) const;
  rpc::Task<absl::StatusOr<Lease>> Wait(rpc::ServerCall& call, const Admitted& admitted,
                                        RequestRecord& record) const;
  rpc::Task<AttemptEnd> Attempt(rpc::ServerCall& call, const Admitted& admitted, Lease lease,
                                RequestRecord& record) const;
  rpc::CallOptions UpstreamOptions(rpc::ServerCall& call, const RequestRecord& record) const;

  const Options options_;
  SharedFleet& fleet_;
  RouterMetrics& metrics_;
  const observability::Logger log_;
};

}  // namespace chasqui::router
