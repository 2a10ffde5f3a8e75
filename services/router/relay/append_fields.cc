// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/append_fields.h"

#include <vector>

#include <grpcpp/support/slice.h>

#include "absl/log/check.h"

namespace chasqui::router {
namespace {

void PutVarint(std::size_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

}  // namespace

void PutTextField(int number, std::string_view text, std::string& out) {
  constexpr int kLengthDelimited = 2;
  DCHECK(number >= 1 && number <= 15) << "the tag must fit a byte";
  out.push_back(static_cast<char>(number << 3 | kLengthDelimited));
  PutVarint(text.size(), out);
  out.append(text);
}

grpc::ByteBuffer AppendFields(const grpc::ByteBuffer& message, std::string_view fields) {
  if (fields.empty()) return message;
  std::vector<grpc::Slice> slices(1);
  if (!message.TrySingleSlice(slices.data()).ok()) CHECK(message.Dump(&slices).ok());
  slices.emplace_back(fields.data(), fields.size());
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace chasqui::router
