// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

namespace chasqui::rpc {

// A message as the bytes that gRPC sends: one allocation, no copy later.
grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message);

// Replaces `message` by what `bytes` hold; false when they are not such a message. `bytes` stay as
// they are.
[[nodiscard]] bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message);

// Appends the bytes to `out`.
void AppendBytes(const grpc::ByteBuffer& bytes, std::string& out);

}  // namespace chasqui::rpc
