// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/relay.h"

#include <optional>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/async_queue.h"
#include "common/rpc/message.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "services/router/dispatch/retry_decision.h"
#include "services/router/relay/event_kind.h"

namespace chasqui::router {

rpc::Task<AttemptEnd> RelayUnary(DownstreamCall& downstream, UpstreamUnary upstream, Lease lease) {
  absl::StatusOr<grpc::ByteBuffer> answer = co_await upstream.Finish();
  if (answer.ok()) lease.Took();
  lease.End(EndingOf(answer.status()));
  if (!answer.ok()) co_return AttemptEnd{.status = std::move(answer).status()};
  downstream.WriteLast(*std::move(answer));
  co_return AttemptEnd{.status = absl::OkStatus(), .relayed = true};
}

// What the coroutine that reads and the one that writes share.
struct StreamRelay::Flow {
  Flow(UpstreamStream call, Lease its_lease, std::size_t max_buffered)
      : upstream(std::move(call)), lease(std::move(its_lease)), events(max_buffered) {}

  void Stop() {
    upstream.Cancel();
    events.Close();
  }

  UpstreamStream upstream;
  Lease lease;
  rpc::AsyncQueue<grpc::ByteBuffer> events;
  std::optional<Ending> cut;  // how the lease ends, if the worker was given up
  rpc::OneShot<absl::Status> ended;
};

StreamRelay::StreamRelay(DownstreamCall& downstream, UpstreamStream upstream, Lease lease,
                         Options options, StreamLog& log, StreamProgress& progress)
    : downstream_(downstream),
      options_(std::move(options)),
      log_(log),
      progress_(progress),
      flow_(std::make_shared<Flow>(std::move(upstream), std::move(lease), options_.max_buffered)),
      heard_(time::SteadyNow()) {}

StreamRelay::~StreamRelay() = default;

rpc::Task<void> StreamRelay::ReadEvents(std::shared_ptr<Flow> flow) {
  bool took = false;
  while (std::optional<grpc::ByteBuffer> event = co_await flow->upstream.Read()) {
    if (!std::exchange(took, true)) flow->lease.Took();
    if (!co_await flow->events.Push(*std::move(event))) break;
  }
  absl::Status status = co_await flow->upstream.Finish();
  flow->lease.End(flow->cut.value_or(EndingOf(status)));
  flow->events.Close();
  flow->ended.Set(std::move(status));
}

rpc::Task<AttemptEnd> StreamRelay::Run() {
  AttemptEnd end;
  downstream_.loop().Start(ReadEvents(flow_));
  for (;;) {
    listening_ = true;
    std::optional<grpc::ByteBuffer> event = co_await flow_->events.Pop();
    listening_ = false;
    if (!event.has_value()) break;
    heard_ = time::SteadyNow();
    if (progress_.finished() || Skip(*event)) continue;
    end.relayed = true;
    const EventKind kind = KindOf(*event);
    const bool passes = options_.tap == nullptr || options_.tap->OnEvent(kind, *event);
    log_.Append(*event);
    progress_.OnEvent(kind, heard_);
    if (!passes) {
      if (!downstream_.cancelled()) continue;
      flow_->Stop();
      break;
    }
    if (progress_.finished()) {
      // The worker's status comes with it, and goes out with it.
      downstream_.WriteLast(*std::move(event));
      continue;
    }
    if (co_await downstream_.Write(*std::move(event), /*more_follows=*/!flow_->events.empty())) {
      continue;
    }
    // The client is gone: what is still to come is of no use.
    flow_->Stop();
    break;
  }
  end.status = co_await flow_->ended;
  if (other_weights_) {
    end.status = status::Error(absl::StatusCode::kInternal, "OTHER_WEIGHTS",
                               "the worker answers with other weights than the stream began with");
  } else if (progress_.finished() && cut()) {
    end.status = absl::OkStatus();  // it was given up when it had said everything
  } else if (end.status.ok() && !progress_.finished() && !downstream_.cancelled()) {
    end.status = status::Error(absl::StatusCode::kInternal, "STREAM_UNFINISHED",
                               "the worker ended the stream without finishing the answer");
  }
  co_return end;
}

bool StreamRelay::Skip(const grpc::ByteBuffer& event) {
  if (other_weights_) return true;
  if (skipped_ == 0 && !options_.fingerprint.empty()) {
    inference::v1::StreamGenerateResponse first;
    other_weights_ =
        !rpc::Parse(event, first) || first.started().model_fingerprint() != options_.fingerprint;
    if (other_weights_) {
      flow_->Stop();
      return true;
    }
  }
  return skipped_ < options_.seen_events && ++skipped_ > 0;
}

void StreamRelay::Cut(Ending ending) {
  if (cut() || flow_->ended.is_set()) return;
  flow_->cut = ending;
  flow_->Stop();
}

bool StreamRelay::cut() const { return flow_->cut.has_value(); }

time::Duration StreamRelay::SilentFor(time::SteadyTime now) const {
  return listening_ ? now - heard_ : time::Duration::zero();
}

}  // namespace chasqui::router
