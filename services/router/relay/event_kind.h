// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/byte_buffer.h>

namespace chasqui::router {

// Which event of StreamGenerateResponse a message is.
enum class EventKind { kStarted, kChunk, kFinished, kUnknown };

// Told by the first tag of the serialized message alone, which is the event's: generate.proto says
// that the events' fields come first on the wire. Does not copy or parse.
EventKind KindOf(const grpc::ByteBuffer& event);

}  // namespace chasqui::router
