// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "common/time/clock.h"
#include "services/router/queue/ticket.h"
#include "services/router/relay/stream_log.h"

namespace chasqui::router {

// A stream as it stands, apart from who reads it and which worker writes it: enough to send it
// again and to go on with it. Owned by the coroutine that serves it, between two of them by the
// StreamStore. Thread-compatible.
struct BegunStream {
  explicit BegunStream(std::size_t max_log_bytes) : log(max_log_bytes) {}

  std::string request_id;
  // Whose it is; empty: everybody's.
  std::string tenant;
  // A GenerateRequest with the model's own name and the request's id.
  grpc::ByteBuffer request;
  // What asks for places, but for the wait itself.
  Ticket ticket;
  time::SteadyTime arrived;
  StreamLog log;
  // Whether `finished` is in the log: nothing is to come.
  bool finished = false;
};

}  // namespace chasqui::router
