// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

namespace chasqui::router {

// Adds the text field `number` (up to 15) to the serialized fields `out`.
void PutTextField(int number, std::string_view text, std::string& out);

// The serialized message `message` with the serialized `fields` behind it. Parsers take the last of
// several values of a field, so this sets them, and copies nothing of the message.
grpc::ByteBuffer AppendFields(const grpc::ByteBuffer& message, std::string_view fields);

}  // namespace chasqui::router
