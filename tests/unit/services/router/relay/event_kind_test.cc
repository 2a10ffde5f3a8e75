// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/event_kind.h"

#include <string>
#include <vector>

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {
namespace {

using inference::v1::StreamGenerateResponse;

grpc::ByteBuffer InOneSlice(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

TEST(EventKind, TellsTheEventsApart) {
  StreamGenerateResponse started;
  started.mutable_started()->set_request_id("r");
  StreamGenerateResponse chunk;
  chunk.mutable_chunk()->set_text("hello");
  chunk.set_sequence(1);
  StreamGenerateResponse finished;
  finished.mutable_finished();
  finished.set_sequence(2);

  EXPECT_EQ(KindOf(InOneSlice(started.SerializeAsString())), EventKind::kStarted);
  EXPECT_EQ(KindOf(InOneSlice(chunk.SerializeAsString())), EventKind::kChunk);
  EXPECT_EQ(KindOf(InOneSlice(finished.SerializeAsString())), EventKind::kFinished);
}

TEST(EventKind, ReadsAMessageInManySlices) {
  StreamGenerateResponse chunk;
  chunk.mutable_chunk()->set_text("hello");
  const std::string bytes = chunk.SerializeAsString();
  std::vector<grpc::Slice> slices = {grpc::Slice("", 0)};
  for (const char c : bytes) slices.emplace_back(&c, 1);

  EXPECT_EQ(KindOf(grpc::ByteBuffer(slices.data(), slices.size())), EventKind::kChunk);
}

TEST(EventKind, IsUnknownForWhatItDoesNotKnow) {
  StreamGenerateResponse bare;
  bare.set_sequence(4);

  EXPECT_EQ(KindOf(InOneSlice(bare.SerializeAsString())), EventKind::kUnknown);
  EXPECT_EQ(KindOf(InOneSlice("")), EventKind::kUnknown);
  EXPECT_EQ(KindOf(InOneSlice("\x22")), EventKind::kUnknown);
}

}  // namespace
}  // namespace chasqui::router
