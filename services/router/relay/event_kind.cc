// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/event_kind.h"

#include <cstdint>
#include <vector>

#include <grpcpp/support/slice.h>

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {
namespace {

using Event = inference::v1::StreamGenerateResponse;

// A field's tag where it is a message: its number and wire type 2, in one byte up to field 15.
constexpr std::uint8_t TagOf(int field) { return static_cast<std::uint8_t>(field << 3 | 2); }

EventKind KindOf(const grpc::Slice& slice) {
  switch (slice.size() == 0 ? 0 : *slice.begin()) {
    case TagOf(Event::kStartedFieldNumber):
      return EventKind::kStarted;
    case TagOf(Event::kChunkFieldNumber):
      return EventKind::kChunk;
    case TagOf(Event::kFinishedFieldNumber):
      return EventKind::kFinished;
    default:
      return EventKind::kUnknown;
  }
}

}  // namespace

EventKind KindOf(const grpc::ByteBuffer& event) {
  grpc::Slice slice;
  if (event.TrySingleSlice(&slice).ok()) return KindOf(slice);
  std::vector<grpc::Slice> slices;
  if (!event.Dump(&slices).ok()) return EventKind::kUnknown;
  for (const grpc::Slice& part : slices) {
    if (part.size() > 0) return KindOf(part);
  }
  return EventKind::kUnknown;
}

}  // namespace chasqui::router
