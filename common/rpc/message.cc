// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/message.h"

#include <cstdint>
#include <vector>

#include <grpc/slice.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/log/check.h"

namespace chasqui::rpc {

grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message) {
  const size_t size = message.ByteSizeLong();
  grpc::Slice slice(grpc_slice_malloc(size), grpc::Slice::STEAL_REF);
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message) {
  grpc::Slice slice;
  if (bytes.TrySingleSlice(&slice).ok()) {
    return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  // Reading takes the buffer apart: a copy shares the slices.
  grpc::ByteBuffer copy(bytes);
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

void AppendBytes(const grpc::ByteBuffer& bytes, std::string& out) {
  const auto append = [&out](const grpc::Slice& slice) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  };
  grpc::Slice single;
  if (bytes.TrySingleSlice(&single).ok()) return append(single);
  std::vector<grpc::Slice> slices;
  CHECK(bytes.Dump(&slices).ok());
  for (const grpc::Slice& slice : slices) append(slice);
}

}  // namespace chasqui::rpc
