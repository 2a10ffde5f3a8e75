// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "tests/bench/worker/load/stream_client.h"
#include "tools/load/samples.h"

namespace chasqui::bench {

// What came on one stream, and when. A value once the stream has ended.
class StreamLog final : public StreamObserver {
 public:
  struct Arrival {
    time::SteadyTime when;
    uint32_t tokens;
  };

  explicit StreamLog(time::SteadyTime begin) : begin_(begin) {}

  void OnTokens(uint32_t count, time::SteadyTime when) override {
    arrivals_.push_back({when, count});
  }
  void OnEnd(const absl::Status& status, time::SteadyTime) override { status_ = status; }

  time::SteadyTime begin() const { return begin_; }
  const std::vector<Arrival>& arrivals() const { return arrivals_; }
  const absl::Status& status() const { return status_; }
  uint64_t tokens() const;

 private:
  time::SteadyTime begin_;
  std::vector<Arrival> arrivals_;
  absl::Status status_;
};

// Tokens a second from when the last stream has its first token to when the first stream has its
// last one: while all of them generate. Nothing when there is no such time.
std::optional<double> RateWhileAllGenerate(std::span<const StreamLog> streams);

// From the request to the first token.
load::Samples TimesToFirstToken(std::span<const StreamLog> streams);

// Between two arrivals of a stream.
load::Samples InterTokenTimes(std::span<const StreamLog> streams);

// The longest time between two arrivals of a stream, of those that overlap with the time from
// `begin` to `end`. Nothing when there is none.
std::optional<time::Duration> WorstGap(std::span<const StreamLog> streams, time::SteadyTime begin,
                                       time::SteadyTime end);

// Of all of them.
uint64_t TokensOf(std::span<const StreamLog> streams);

double Milliseconds(time::Duration duration);

}  // namespace chasqui::bench
