// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/router/relay/stream_log.h"

namespace chasqui::router {

// How a stream that has begun goes on at another worker.
struct Continuation {
  // What that worker is asked.
  grpc::ByteBuffer request;
  // How many of its first events the client has already.
  std::uint64_t seen_events = 0;
  // The weights it must have.
  std::string fingerprint;
};

// Continues the stream that `request` (a GenerateRequest as it was sent to the first worker) began
// and that has passed on `log`: with the tokens seen as `resume`, the seed that was drawn for it,
// and of max_time what is left after `elapsed`. FAILED_PRECONDITION when it cannot be continued:
// its sampling is mirostat, whose state is lost.
absl::StatusOr<Continuation> Continue(const grpc::ByteBuffer& request, const StreamLog& log,
                                      time::Duration elapsed);

// Whether a stream of `request` can be relied on to go on elsewhere, so that it may be moved though
// its worker is well: it need not when what it computed may be lost.
bool MovesSafely(const grpc::ByteBuffer& request);

}  // namespace chasqui::router
