// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <prometheus/histogram.h>

#include "common/time/clock.h"
#include "services/router/relay/event_kind.h"

namespace chasqui::router {

// What one stream has passed on so far, and how long its reader waited for it. Thread-compatible.
class StreamProgress {
 public:
  explicit StreamProgress(time::SteadyTime arrived) : arrived_(arrived) {}

  // Where the times go; both outlive this.
  void Measure(prometheus::Histogram& first_token, prometheus::Histogram& inter_token) {
    first_token_ = &first_token;
    inter_token_ = &inter_token;
  }

  void OnEvent(EventKind kind, time::SteadyTime now);

  std::uint64_t events() const { return events_; }
  std::uint64_t chunks() const { return chunks_; }
  bool finished() const { return finished_; }
  // From the request's arrival to the first chunk.
  std::optional<time::Duration> to_first_chunk() const { return to_first_chunk_; }

 private:
  const time::SteadyTime arrived_;
  prometheus::Histogram* first_token_ = nullptr;
  prometheus::Histogram* inter_token_ = nullptr;
  std::uint64_t events_ = 0;
  std::uint64_t chunks_ = 0;
  bool finished_ = false;
  std::optional<time::Duration> to_first_chunk_;
  time::SteadyTime last_chunk_;
};

}  // namespace chasqui::router
