// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "common/rpc/server_call.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/answers/cache_access.h"
#include "services/router/request/answer_visit.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// What the cache service is to be asked about an admitted request of record.model; nothing when it
// is not one whose answer is remembered, or says that it must not be, or no worker holds the model.
// Errors are for requests that want nothing but a remembered answer: INVALID_ARGUMENT when theirs
// is never remembered, FAILED_PRECONDITION when nothing is; and PERMISSION_DENIED for those who ask
// on behalf of another tenant and may not.
absl::StatusOr<std::optional<AnswerVisit::Question>> AskCache(const rpc::ServerCall& call,
                                                              const grpc::ByteBuffer& request,
                                                              const SharedFleet& fleet,
                                                              const CacheAccess& cache,
                                                              const RequestRecord& record);

}  // namespace chasqui::router
