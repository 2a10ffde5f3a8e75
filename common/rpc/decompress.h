// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"

// Messages that a peer compressed, as gRPC hands them over when it leaves their decompression to
// us: its own, in 1.51, has no bound, so that a few kilobytes could ask for gigabytes.
namespace chasqui::rpc {

// Whether `message`, as it was received, is compressed. Not const: gRPC has no reader that is.
bool IsCompressed(grpc::ByteBuffer& message);

// What is compressed in `message` (gzip or deflate, which is zlib's format).
//   RESOURCE_EXHAUSTED  it is more than `max_bytes`; 0: unlimited
//   INTERNAL            it is not what it claims to be, or ends early
absl::StatusOr<grpc::ByteBuffer> Decompress(grpc::ByteBuffer& message, std::size_t max_bytes);

}  // namespace chasqui::rpc
