// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/usage_reader.h"

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/slice.h>

namespace chasqui::router {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The bytes of the message in field `number` of the message in `bytes`; the last, where it is there
// more than once.
std::optional<std::string_view> FindField(std::string_view bytes, int number) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  std::optional<std::string_view> found;
  const std::uint32_t wanted =
      WireFormatLite::MakeTag(number, WireFormatLite::WireType::WIRETYPE_LENGTH_DELIMITED);
  while (const std::uint32_t tag = in.ReadTag()) {
    if (tag != wanted) {
      if (!WireFormatLite::SkipField(&in, tag)) return std::nullopt;
      continue;
    }
    std::uint32_t length = 0;
    if (!in.ReadVarint32(&length)) return std::nullopt;
    const auto at = static_cast<std::size_t>(in.CurrentPosition());
    if (length > bytes.size() - at || !in.Skip(static_cast<int>(length))) return std::nullopt;
    found = bytes.substr(at, length);
  }
  return found;
}

std::optional<inference::v1::Usage> Read(std::string_view bytes, std::span<const int> path) {
  for (const int number : path) {
    const std::optional<std::string_view> inner = FindField(bytes, number);
    if (!inner.has_value()) return std::nullopt;
    bytes = *inner;
  }
  inference::v1::Usage usage;
  if (!usage.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return usage;
}

}  // namespace

std::optional<inference::v1::Usage> ReadUsage(const grpc::ByteBuffer& message,
                                              std::span<const int> path) {
  grpc::Slice slice;
  if (message.TrySingleSlice(&slice).ok()) {
    return Read({reinterpret_cast<const char*>(slice.begin()), slice.size()}, path);
  }
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return std::nullopt;
  std::string bytes;
  for (const grpc::Slice& part : slices) {
    bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return Read(bytes, path);
}

}  // namespace chasqui::router
