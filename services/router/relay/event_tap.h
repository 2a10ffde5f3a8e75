// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "services/router/relay/event_kind.h"

namespace chasqui::router {

// Sees the events of a stream on their way to its client. Confined to the call's loop.
class EventTap {
 public:
  virtual ~EventTap() = default;

  // The next event, which it may change. Whether it goes on to the client: not to one that waits
  // for the whole answer.
  virtual bool OnEvent(EventKind kind, grpc::ByteBuffer& event) = 0;
};

}  // namespace chasqui::router
