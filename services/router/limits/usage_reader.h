// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <grpcpp/support/byte_buffer.h>

namespace chasqui::router {

// The tokens of prompt and answers in the Usage of a serialized message, found along `path`: the
// numbers of the fields that lead to it. Nothing when there is none. What lies beside the path is
// skipped, not parsed: an answer may hold megabytes of embeddings. Pure.
std::optional<std::uint64_t> ReadUsedTokens(const grpc::ByteBuffer& message,
                                            std::span<const int> path);

}  // namespace chasqui::router
