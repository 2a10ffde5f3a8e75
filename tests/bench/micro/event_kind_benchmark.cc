// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/message.h"
#include "services/router/relay/event_kind.h"

namespace chasqui::router {
namespace {

grpc::ByteBuffer MakeChunk() {
  inference::v1::StreamGenerateResponse event;
  event.mutable_chunk()->set_text(" mountains");
  event.mutable_chunk()->add_token_ids(1234);
  event.set_sequence(17);
  return rpc::Serialize(event);
}

// What the router does with each event of a stream...
void KindOfEvent(benchmark::State& state) {
  const grpc::ByteBuffer event = MakeChunk();

  for (auto _ : state) benchmark::DoNotOptimize(KindOf(event));
}
BENCHMARK(KindOfEvent);

// ...and what it avoids.
void ParseEvent(benchmark::State& state) {
  const grpc::ByteBuffer bytes = MakeChunk();
  inference::v1::StreamGenerateResponse event;

  for (auto _ : state) benchmark::DoNotOptimize(rpc::Parse(bytes, event));
}
BENCHMARK(ParseEvent);

}  // namespace
}  // namespace chasqui::router
