// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include <grpcpp/support/byte_buffer.h>

#include "chasqui/inference/v1/usage.pb.h"

namespace chasqui::router {

// The Usage of a serialized message, found along `path`: the numbers of the fields that lead to it.
// Nothing when there is none. What lies beside the path is skipped, not parsed: an answer may hold
// megabytes of embeddings. Pure.
std::optional<inference::v1::Usage> ReadUsage(const grpc::ByteBuffer& message,
                                              std::span<const int> path);

}  // namespace chasqui::router
