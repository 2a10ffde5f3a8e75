// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/answers/cache_access.h"
#include "services/router/request/access_log.h"
#include "services/router/request/answer_visit.h"
#include "services/router/request/attempts.h"
#include "services/router/request/entry_control.h"
#include "services/router/request/inference_method.h"
#include "services/router/request/model_choice.h"
#include "services/router/request/request_record.h"
#include "services/router/request/stream_session.h"
#include "services/router/request/stream_store.h"

namespace chasqui::router {

// Takes a request from its arrival to its end: read, validate, resolve the model, wait for a place,
// call the worker, relay, and again elsewhere when that came to nothing. Each is one coroutine on
// the loop of its call. Owned by the RouterServer; constant after construction and thread-safe.
class RequestRunner {
 public:
  struct Options {
    StreamSession::Options streams;
    Fallbacks fallbacks;
    // Blocks in which prompts are hashed for the policy; 0: it does not look at them.
    std::size_t prefix_block_bytes;
    // Bytes of events that are kept of a stream.
    std::size_t max_log_bytes;
  };

  // The references outlive it.
  RequestRunner(const Options& options, EntryControl entry, const Attempts& attempts,
                StreamStore& store, CacheAccess& cache, const AccessLog& access_log);

  // The handler of `method`, which outlives the call.
  rpc::Task<absl::Status> Run(const InferenceMethod& method, rpc::ServerCall& call) const;

  // --- For the ResumeRunner ---

  const EntryControl& entry() const { return entry_; }
  // Runs `serving` and concludes the record, which it works on.
  rpc::Task<absl::Status> Record(rpc::ServerCall& call, RequestRecord& record,
                                 rpc::Task<absl::Status> serving) const;
  // Serves the request in `bytes` as record.method.
  rpc::Task<absl::Status> Serve(rpc::ServerCall& call, const grpc::ByteBuffer& bytes,
                                RequestRecord& record) const;
  // Takes the stream from where it stands to its end.
  rpc::Task<absl::Status> GoOn(rpc::ServerCall& call, BegunStream& stream,
                               RequestRecord& record) const;

 private:
  // A request that may be sent to a worker.
  struct Admitted {
    // As the client sent it, with the model's own name and the request's id.
    grpc::ByteBuffer request;
    std::shared_ptr<Waiter> waiter;
    ModelChoice choice;
    // What a stream that the client itself goes on with has had.
    inference::v1::ResumePoint resume;
  };

  rpc::Task<absl::Status> Serve(rpc::ServerCall& call, RequestRecord& record) const;
  absl::StatusOr<Admitted> Admit(rpc::ServerCall& call, const grpc::ByteBuffer& bytes,
                                 RequestRecord& record) const;
  // Whether the request is another model's from now on, because `failure` says that nobody is left
  // for its own.
  bool FallBack(const absl::Status& failure, Admitted& admitted, RequestRecord& record) const;
  // Has the record's times measured under its model.
  void MeasureProgress(RequestRecord& record) const;
  rpc::Task<absl::Status> ServeUnary(rpc::ServerCall& call, Admitted& admitted,
                                     RequestRecord& record) const;
  rpc::Task<AttemptEnd> AttemptUnary(rpc::ServerCall& call, const Admitted& admitted, Lease lease,
                                     RequestRecord& record) const;
  // `question`: what the cache service is asked first; none: it is not asked.
  rpc::Task<absl::Status> ServeStream(rpc::ServerCall& call, Admitted admitted,
                                      std::optional<AnswerVisit::Question> question,
                                      RequestRecord& record) const;

  const Options options_;
  const EntryControl entry_;
  const Attempts& attempts_;
  StreamStore& store_;
  CacheAccess& cache_;
  const AccessLog& access_log_;
};

}  // namespace chasqui::router
