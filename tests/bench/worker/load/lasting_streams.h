// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "tests/bench/worker/load/stream_client.h"
#include "tests/bench/worker/load/streams.h"

namespace chasqui::bench {

// Streams that generate beside what is measured: one that ends is followed by another, until they
// may end or one has failed. Outlives the client's Run(). Thread-compatible.
class LastingStreams {
 public:
  // `next_request` makes the request of each stream.
  LastingStreams(StreamClient& client, std::function<StreamRequest()> next_request)
      : streams_(client), next_request_(std::move(next_request)) {}

  // `on_under_way` is called once, when `count` streams have `lead_tokens` tokens each.
  void Start(uint32_t count, uint32_t lead_tokens, time::SteadyTime now,
             std::function<void(time::SteadyTime)> on_under_way);

  // Those that run end with what they were asked for.
  void LetEnd() { may_end_ = true; }

  absl::Status Check() const { return streams_.Check(); }
  std::vector<StreamLog> logs() const { return streams_.logs(); }

 private:
  void StartOne(time::SteadyTime now);

  Streams streams_;
  const std::function<StreamRequest()> next_request_;
  std::function<void(time::SteadyTime)> on_under_way_;
  uint32_t lead_tokens_ = 0;
  uint32_t to_lead_ = 0;  // streams that do not have lead_tokens_ yet
  bool may_end_ = false;
};

}  // namespace chasqui::bench
