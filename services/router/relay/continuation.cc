// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/continuation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/message.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using inference::v1::ContextPolicy;
using inference::v1::GenerateRequest;
using std::chrono::nanoseconds;
using std::chrono::seconds;

nanoseconds ToDuration(const google::protobuf::Duration& duration) {
  return seconds(duration.seconds()) + nanoseconds(duration.nanos());
}

// What is left of max_time. A stream past it ends with its next token.
void Shorten(time::Duration elapsed, google::protobuf::Duration& max_time) {
  const nanoseconds left = std::max<nanoseconds>(ToDuration(max_time) - elapsed, nanoseconds(1));
  max_time.set_seconds(std::chrono::floor<seconds>(left).count());
  max_time.set_nanos(static_cast<std::int32_t>((left % seconds(1)).count()));
}

}  // namespace

absl::StatusOr<Continuation> Continue(const grpc::ByteBuffer& request, const StreamLog& log,
                                      time::Duration elapsed) {
  GenerateRequest next;
  if (!rpc::Parse(request, next)) return absl::InternalError("the request cannot be read again");
  ABSL_ASSIGN_OR_RETURN(inference::v1::Started started, log.ReadStarted());
  next.mutable_sampling()->set_seed(started.seed());
  if (next.stop().has_max_time()) Shorten(elapsed, *next.mutable_stop()->mutable_max_time());
  Continuation continuation{.request = {},
                            .seen_events = log.count(),
                            .fingerprint = std::move(*started.mutable_model_fingerprint())};
  inference::v1::ResumePoint seen = log.Seen();
  // Where no token has been seen it begins anew, and the client has its first events.
  if (!seen.candidates().empty()) {
    if (next.sampling().has_mirostat()) {
      return status::Error(absl::StatusCode::kFailedPrecondition, "NOT_RESUMABLE",
                           "mirostat's state is lost with the worker");
    }
    // A stream that resumes says who answers first, in an event of its own.
    seen.set_next_sequence(seen.next_sequence() - 1);
    *next.mutable_resume() = std::move(seen);
    continuation.seen_events = 1;
  }
  continuation.request = rpc::Serialize(next);
  return continuation;
}

bool MovesSafely(const grpc::ByteBuffer& request) {
  GenerateRequest asked;
  return rpc::Parse(request, asked) && !asked.sampling().has_mirostat() &&
         asked.context_policy().overflow() != ContextPolicy::OVERFLOW_SHIFT;
}

}  // namespace chasqui::router
