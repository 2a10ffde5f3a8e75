// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_methods.h"
#include "common/time/clock.h"
#include "services/cache/flight/flight_table.h"
#include "services/cache/generation/generations.h"
#include "services/cache/lookup/question.h"
#include "services/cache/metrics/cache_metrics.h"
#include "services/cache/store/adaptive_ttl.h"
#include "services/cache/store/answer_store.h"
#include "services/cache/warming/top_asked.h"

namespace chasqui::cache {

// One call of Lookup, from its question to its end: a hit, a follower, a leader, or a follower that
// has come to lead. A local of the call's coroutine. Confined to the call's loop.
class LookupCall {
 public:
  // What all calls share; constant, its parts thread-safe.
  struct Shared {
    FlightTable& flights;
    AnswerStore& store;
    const Generations& generations;
    HitRates& rates;
    TopAsked& top;
    CacheMetrics& metrics;
    const time::Clock& clock;
    time::Duration base_ttl;
    AdaptiveTtlOptions adaptive;
  };
  using Reader = rpc::ServerReader<v1::LookupRequest>;
  using Writer = rpc::ServerWriter<v1::LookupResponse>;

  // All outlive it.
  LookupCall(const Shared& shared, rpc::ServerCall& call, Reader& reader, Writer& writer)
      : shared_(shared), call_(call), reader_(reader), writer_(writer) {}

  // Once.
  rpc::Task<absl::Status> Run();

 private:
  using Seat = FlightTable::Seat;

  rpc::Task<absl::Status> Require();
  // Finds the answer for all who are on the flight, or makes its caller lead.
  rpc::Task<absl::Status> Seek(Seat seat);
  rpc::Task<absl::Status> Lead(Seat seat);
  rpc::Task<absl::Status> Follow(Seat seat);
  // Takes the leader's `done`.
  rpc::Task<absl::Status> Complete(Flight& flight, v1::Done done);
  rpc::Task<absl::Status> SendHit(const StoredAnswer& answer, v1::Tier tier);
  // Says what has become of the call, and that is all.
  rpc::Task<absl::Status> End(v1::Outcome outcome);
  // The next step of a flight that one follows, waiting for it; nothing when the call is cancelled.
  rpc::Task<std::optional<Flight::Next>> Await(Flight& flight, std::size_t position);
  rpc::Task<std::optional<v1::Tier>> AwaitSource(Flight& flight);

  void Count(v1::Outcome outcome);
  void Saved(const Flight::Cost& cost);
  bool may_lead() const { return question_->mode != v1::Ask::MODE_REQUIRE; }

  const Shared& shared_;
  rpc::ServerCall& call_;
  Reader& reader_;
  Writer& writer_;
  std::optional<Question> question_;  // once it was read
};

}  // namespace chasqui::cache
