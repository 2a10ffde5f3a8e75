// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/router/admission/lease.h"
#include "services/router/relay/event_tap.h"
#include "services/router/relay/stream_log.h"
#include "services/router/relay/stream_progress.h"
#include "services/router/relay/transport.h"

// Passes the answers of one attempt on a worker on to the client, as bytes. Confined to the
// downstream call's loop. The lease ends the moment the worker's call does, though the client may
// still be reading.
namespace chasqui::router {

// How an attempt ended.
struct AttemptEnd {
  // What the worker said, unchanged; OK when the client has everything, or will have it with the
  // status.
  absl::Status status;
  // Whether anything reached the client, or may have.
  bool relayed = false;
};

// Waits for the single answer, which is sent with the status.
rpc::Task<AttemptEnd> RelayUnary(DownstreamCall& downstream, UpstreamUnary upstream, Lease lease);

// Relays the events of one attempt of a stream. Owned by the stream's coroutine, which runs it.
class StreamRelay {
 public:
  struct Options {
    // Events that wait for a client that reads slowly; then reading stops. At least 1.
    std::size_t max_buffered;
    // The first events that the client has already, from a former attempt.
    std::uint64_t seen_events = 0;
    // The weights that must answer; empty: any.
    std::string fingerprint;
    // Sees the events before they are passed on. Null: nobody does.
    EventTap* tap = nullptr;
  };

  // `upstream` must have its request. `log` gets every event that is passed on, and outlives this,
  // as `downstream` and `progress` do, and options.tap.
  StreamRelay(DownstreamCall& downstream, UpstreamStream upstream, Lease lease, Options options,
              StreamLog& log, StreamProgress& progress);
  ~StreamRelay();

  // Relays until the worker's call ends, the client is gone, or Cut(). Once. INTERNAL when the
  // worker ends with OK but without `finished`, or when it answers with other weights.
  rpc::Task<AttemptEnd> Run();

  // Gives the worker up: what it sent is still passed on, then Run() ends. The lease ends so.
  void Cut(Ending ending);
  bool cut() const;

  // How long nothing has come, while nothing but the worker can be the reason.
  time::Duration SilentFor(time::SteadyTime now) const;

 private:
  struct Flow;

  static rpc::Task<void> ReadEvents(std::shared_ptr<Flow> flow);
  // Whether the event is one that the client has already.
  bool Skip(const grpc::ByteBuffer& event);

  DownstreamCall& downstream_;
  const Options options_;
  StreamLog& log_;
  StreamProgress& progress_;
  std::shared_ptr<Flow> flow_;
  std::uint64_t skipped_ = 0;
  bool other_weights_ = false;
  time::SteadyTime heard_;
  bool listening_ = false;  // waits for an event
};

}  // namespace chasqui::router
