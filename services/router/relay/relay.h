// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "common/rpc/loop.h"
#include "services/router/admission/lease.h"
#include "services/router/relay/stream_progress.h"
#include "services/router/relay/transport.h"

// Passes the answers of one attempt on a worker on to the client, as bytes. Confined to the
// downstream call's loop. The lease ends the moment the worker's call does, though the client may
// still be reading.
namespace chasqui::router {

// How an attempt ended.
struct AttemptEnd {
  // What the worker said, unchanged; OK when the client has everything, or will have it with the
  // status.
  absl::Status status;
  // Whether anything reached the client, or may have.
  bool relayed = false;
};

// Waits for the single answer, which is sent with the status.
rpc::Task<AttemptEnd> RelayUnary(DownstreamCall& downstream, UpstreamUnary upstream, Lease lease);

// Relays events until the worker's call ends or the client is gone. `upstream` must have its
// request. Reading and writing overlap: at most `max_buffered` events wait for a client that reads
// slowly, then reading stops. INTERNAL when the worker ends with OK but without `finished`.
rpc::Task<AttemptEnd> RelayStream(DownstreamCall& downstream, UpstreamStream upstream, Lease lease,
                                  std::size_t max_buffered, StreamProgress& progress);

}  // namespace chasqui::router
