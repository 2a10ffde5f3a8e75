// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/relay.h"

#include <memory>
#include <optional>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "common/rpc/async_queue.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/dispatch/retry_decision.h"
#include "services/router/relay/event_kind.h"

namespace chasqui::router {
namespace {

// What the coroutine that reads and the one that writes share.
struct Flow {
  Flow(UpstreamStream call, Lease its_lease, std::size_t max_buffered)
      : upstream(std::move(call)), lease(std::move(its_lease)), events(max_buffered) {}

  UpstreamStream upstream;
  Lease lease;
  rpc::AsyncQueue<grpc::ByteBuffer> events;
  rpc::OneShot<absl::Status> ended;
};

rpc::Task<void> ReadEvents(std::shared_ptr<Flow> flow) {
  bool took = false;
  while (std::optional<grpc::ByteBuffer> event = co_await flow->upstream.Read()) {
    if (!std::exchange(took, true)) flow->lease.Took();
    if (!co_await flow->events.Push(*std::move(event))) break;
  }
  absl::Status status = co_await flow->upstream.Finish();
  flow->lease.End(EndingOf(status));
  flow->events.Close();
  flow->ended.Set(std::move(status));
}

}  // namespace

rpc::Task<AttemptEnd> RelayUnary(DownstreamCall& downstream, UpstreamUnary upstream, Lease lease) {
  absl::StatusOr<grpc::ByteBuffer> answer = co_await upstream.Finish();
  if (answer.ok()) lease.Took();
  lease.End(EndingOf(answer.status()));
  if (!answer.ok()) co_return AttemptEnd{.status = std::move(answer).status()};
  downstream.WriteLast(*std::move(answer));
  co_return AttemptEnd{.status = absl::OkStatus(), .relayed = true};
}

rpc::Task<AttemptEnd> RelayStream(DownstreamCall& downstream, UpstreamStream upstream, Lease lease,
                                  std::size_t max_buffered, StreamProgress& progress) {
  auto flow = std::make_shared<Flow>(std::move(upstream), std::move(lease), max_buffered);
  AttemptEnd end;
  downstream.loop().Start(ReadEvents(flow));
  while (std::optional<grpc::ByteBuffer> event = co_await flow->events.Pop()) {
    if (progress.finished()) continue;  // nothing may follow
    end.relayed = true;
    progress.OnEvent(KindOf(*event), time::SteadyNow());
    if (progress.finished()) {
      // The worker's status comes with it, and goes out with it.
      downstream.WriteLast(*std::move(event));
      continue;
    }
    if (co_await downstream.Write(*std::move(event), /*more_follows=*/!flow->events.empty())) {
      continue;
    }
    // The client is gone: what is still to come is of no use.
    flow->upstream.Cancel();
    flow->events.Close();
    break;
  }
  end.status = co_await flow->ended;
  if (end.status.ok() && !progress.finished() && !downstream.cancelled()) {
    end.status = status::Error(absl::StatusCode::kInternal, "STREAM_UNFINISHED",
                               "the worker ended the stream without finishing the answer");
  }
  co_return end;
}

}  // namespace chasqui::router
